"""A launcher whose servers live and die as a test says."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from kit.catalogue import ModelEntry
from kit.errors import Conflict, Unavailable
from services.generation.ports import EngineLimits, Launched, Launcher, Replica

LIMITS = EngineLimits(context=100, sequences=4, adapters=2, rank=8)


@dataclass
class Server(Launched):
    """`answer()` makes it ready, `die(reason)` ends it in whatever state it is.

    A stop that waits for requests returns once `is_drained`.
    """

    id: str
    is_drained: asyncio.Event
    is_stopping: bool = False
    is_stopped: bool = False
    was_cut_off: bool = False
    stop_breaks: Exception | None = None
    _ready: asyncio.Event = field(default_factory=asyncio.Event)
    _dead: asyncio.Future[str] = field(default_factory=asyncio.Future)

    def answer(self) -> None:
        self._ready.set()

    def die(self, reason: str) -> None:
        self._dead.set_result(reason)
        self._ready.set()

    async def ready(self) -> Replica:
        await self._ready.wait()
        if self._dead.done():
            raise Unavailable(self._dead.result())
        return Replica(self.id, f"http://{self.id}/v1", LIMITS)

    async def ended(self) -> str:
        return await asyncio.shield(self._dead)

    async def stop(self, *, at_once: bool = False) -> None:
        self.is_stopping = True
        if not at_once:
            await self.is_drained.wait()
        self.is_stopped, self.was_cut_off = True, at_once
        if self.stop_breaks is not None:
            raise self.stop_breaks


@dataclass
class LauncherDouble(Launcher):
    """Has room for so many copies of all models together."""

    room: int = 4
    breaks: Exception | None = None
    check_breaks: Exception | None = None
    servers: list[Server] = field(default_factory=list)

    @property
    def alive(self) -> list[Server]:
        return [server for server in self.servers if not server.is_stopped]

    def check(self, copies: Sequence[tuple[ModelEntry, int]]) -> None:
        if self.check_breaks is not None:
            raise self.check_breaks
        if sum(wanted for _, wanted in copies) > self.room:
            raise Conflict(f"There is room for {self.room}.")

    async def launch(self, model: ModelEntry) -> Launched:
        if self.breaks is not None:
            raise self.breaks
        drained = asyncio.Event()
        drained.set()
        self.servers.append(Server(f"{model.id}-{len(self.servers)}", drained))
        return self.servers[-1]
