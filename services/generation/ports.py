"""What the generation service needs from outside: engines, and the servers behind them."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from pydantic import SecretStr

from contracts.generation.adapters import (
    Adapter,
    AddAdapter,
    Check,
    RegisterArchive,
    RegisteredArchive,
)
from contracts.generation.answers import Delta, Generation
from contracts.generation.client import GenerateRequest
from kit.auth.principal import Principal
from kit.catalogue import ModelEntry


@dataclass(frozen=True, slots=True)
class AdapterRef:
    """Admitted weights; `folder` is named after the digest, so that it never changes."""

    digest: str
    folder: Path
    rank: int


@dataclass(frozen=True, slots=True)
class Usable:
    """An adapter that some tenant may use with the model `model`; `pinned`, it stays loaded."""

    model: str
    adapter: AdapterRef
    pinned: bool = False


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

    def outstanding(self, model: str, requests: int) -> None:
        """How many of its requests run or wait now; the router tells, and pools grow by it."""
        ...

    async def demand(
        self, model: str, holder: str, copies: int, *, at_most: int | None = None
    ) -> None:
        """What one holder wants; the pool has the most that any of its holders wants.

        With `at_most` it grows up to there while requests wait, and shrinks to `copies` after.
        Raises NotFound for a model without weights here, Conflict for more copies than fit.
        """
        ...

    async def release(self, model: str, holder: str) -> None:
        """The holder wants nothing more; a pool that nobody wants is stopped."""
        ...


class Launched(Protocol):
    """One server from its start to its end."""

    async def ready(self) -> Replica:
        """Waits until it answers; raises Unavailable that says why it never will."""
        ...

    async def ended(self) -> str:
        """Waits until it has ended or answers no more; why, in an operator's words."""
        ...

    async def stop(self, *, at_once: bool = False) -> None:
        """Returns once nothing of it is left; may be called in every state, and again.

        Requests under way may end first, unless it is to stop at once.
        """
        ...


class Launcher(Protocol):
    """One way to come by servers."""

    def check(self, copies: Sequence[tuple[ModelEntry, int]]) -> None:
        """Raises Conflict, with the reason, where these cannot run side by side."""
        ...

    async def launch(self, model: ModelEntry) -> Launched:
        """Begins one more copy, and does not wait for it; raises Unavailable where it cannot."""
        ...


@dataclass(frozen=True, slots=True)
class Artifact:
    """What lies at a model's S3 location: its `serving.properties`, and adapters by folder."""

    properties: str = ""
    adapters: tuple[str, ...] = ()


class Artifacts(Protocol):
    """Looks into the archives that tenants deploy, without unpacking them."""

    async def look(self, tenant: str, uri: str) -> Artifact:
        """Raises NotFound for an absent object, InvalidRequest for a broken or endless archive."""
        ...


class AdapterShelf(Protocol):
    """The adapter registry, as hosting uses it; names belong to an inference component."""

    async def register_archive(self, who: Principal, ask: RegisterArchive) -> RegisteredArchive: ...

    async def add(self, who: Principal, ask: AddAdapter) -> Adapter: ...

    async def get(self, who: Principal, digest: str) -> Adapter: ...

    async def release_component(self, who: Principal, component: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Unpacked:
    """An adapter that somebody sent: its two files lie in `folder`, and have the right form."""

    name: str
    folder: Path
    digest: str
    rank: int
    size: int


class Examiner(Protocol):
    """Looks at hostile files, in a process of its own."""

    async def unpack(self, into: Path, archive: Path | None) -> list[Unpacked]:
        """The adapters of an archive; without one, those that lie in folders of `into`.

        Raises InvalidRequest with the reason, in words for whoever sent it.
        """
        ...

    async def examine(
        self, adapter: AdapterRef, base: Path | None, rank: int | None
    ) -> list[Check]:
        """Against the base's folder and the largest rank that its servers take, where known.

        Ends with the first check that fails.
        """
        ...


class Prober(Protocol):
    """Whether the engine makes of an adapter what PEFT makes of it."""

    async def probe(self, tenant: str, model: ModelEntry, adapter: AdapterRef) -> Check:
        """Compares greedy answers; `skipped` says what is missing here to do so.

        Raises NotReady while the base model is starting or busy, and Interrupted where its server
        went away under the probe.
        """
        ...


class Hub(Protocol):
    """The Hugging Face hub, where the operator lets adapters come from there."""

    async def fetch(self, repository: str, revision: str, into: Path) -> None:
        """Puts the two files into the folder. Raises Unsupported, NotFound, Unavailable."""
        ...
