"""What the generation service needs from outside: engines, and the servers behind them."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from pydantic import SecretStr

from contracts.generation.answers import Delta, Generation
from contracts.generation.client import GenerateRequest
from kit.catalogue import ModelEntry


@dataclass(frozen=True, slots=True)
class AdapterRef:
    """Admitted weights; `folder` is named after the digest, so that it never changes."""

    digest: str
    folder: Path
    rank: int


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, with what its names turned out to mean for this tenant."""

    tenant: str
    model: ModelEntry
    request: GenerateRequest
    adapter: AdapterRef | None = None


class Engine(Protocol):
    """One way to generate. Leaving early (aclose, cancellation) stops the work behind it.

    Raises InvalidRequest for what the model cannot take, UpstreamFailed for an answer that cannot
    be used, Unavailable (with `retry_after` where known), RateLimited and DeadlineExceeded.
    """

    async def generate(self, asked: Asked) -> Generation: ...

    def stream(self, asked: Asked) -> AsyncGenerator[Delta, None]:
        """Parts in order; exactly one, the last, has the usage."""
        ...

    async def count_tokens(self, asked: Asked) -> int:
        """The tokens of the input as the model would read it."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """What one vLLM server was started with."""

    context: int
    """Tokens of input and output together."""
    sequences: int
    """Requests that it runs at once; more wait inside it."""
    adapters: int
    """Distinct adapters in one batch (`max_loras`); 0 where adapters are off."""
    rank: int
    """The largest rank of an adapter (`max_lora_rank`)."""


@dataclass(frozen=True, slots=True)
class Replica:
    """A server that can take requests; a restart makes another one, which holds no adapters.

    `url` goes up to and with /v1. `socket` is set where the server listens on a file instead of a
    port.
    """

    id: str
    url: str
    limits: EngineLimits
    key: SecretStr | None = None
    socket: Path | None = None


@dataclass(frozen=True, slots=True)
class PoolState:
    """Of all replicas of a model. `reason` tells why it failed, in an operator's words."""

    status: Literal["ready", "starting", "stopped", "failed"]
    ready: int
    wanted: int
    reason: str = ""
    retry_after: float = 5.0


class Fleet(Protocol):
    """The replicas that run now, by the id of their model; asked on every request, so in memory."""

    def replicas(self, model: str) -> Sequence[Replica]:
        """Those that are ready."""
        ...

    def state(self, model: str) -> PoolState: ...

    async def demand(self, model: str, holder: str, copies: int) -> None:
        """What one holder wants; the pool has the most that any of its holders wants.

        Raises NotFound for a model without weights here, Conflict for more copies than fit.
        """
        ...

    async def release(self, model: str, holder: str) -> None:
        """The holder wants nothing more; a pool that nobody wants is stopped."""
        ...
