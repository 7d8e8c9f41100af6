"""The copies of one model: started, watched, started again when they end, and stopped."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

from kit.catalogue import ModelEntry
from kit.errors import Unavailable
from services.generation.ports import Launched, Launcher, PoolState, Replica

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. A copy that was ready for `steady` starts with a clean record."""

    first: float = 1.0
    longest: float = 60.0
    steady: float = 30.0
    look: float = 1.0
    """Between two looks at what waits."""
    loop: int = 2
    """Ends in a row, none after a steady life, that are called a failure."""

    def pause(self, ends: int) -> float:
        return float(min(self.longest, self.first * 2 ** (ends - 1)))


class Pool:
    """As many copies as wanted, each kept by a task of its own."""

    def __init__(self, model: ModelEntry, launcher: Launcher, pace: Pace) -> None:
        self.model = model
        self._launcher, self._pace = launcher, pace
        self._copies: list[_Copy] = []
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def wanted(self) -> int:
        return len(self._copies)

    @property
    def replicas(self) -> Sequence[Replica]:
        return tuple(copy.replica for copy in self._copies if copy.replica is not None)

    @property
    def state(self) -> PoolState:
        """Ready with one that is; failed while every other one ends again and again."""
        ready = len(self.replicas)
        broken = [copy for copy in self._copies if copy.is_failing]
        reason = broken[0].reason if broken else ""
        if ready or not self._copies:
            return PoolState("ready" if ready else "stopped", ready, self.wanted, reason)
        if not broken:
            return PoolState("starting", 0, self.wanted)
        return PoolState("failed", 0, self.wanted, reason, retry_after=broken[0].retry_after)

    def want(self, copies: int) -> None:
        """Starts or stops what is too few or too many, those that are not ready first."""
        while len(self._copies) < copies:
            self._copies.append(_Copy(self.model, self._launcher, self._pace))
        while len(self._copies) > copies:
            unready = [copy for copy in self._copies if copy.replica is None]
            leaving = (unready or self._copies)[-1]
            self._copies.remove(leaving)
            leaving.task.cancel()
            self._leaving.add(leaving.task)
            leaving.task.add_done_callback(self._leaving.discard)

    async def close(self) -> None:
        """Returns once nothing of it runs; nobody waits for requests any more."""
        for copy in self._copies:
            copy.at_once = True
        self.want(0)
        await asyncio.gather(*self._leaving, return_exceptions=True)


class _Copy:
    """Lives as long as its task: launched, and launched again after each end."""

    def __init__(self, model: ModelEntry, launcher: Launcher, pace: Pace) -> None:
        self.replica: Replica | None = None
        self.reason = ""
        self.at_once = False
        """Whether its end waits for no request."""
        self._model, self._launcher, self._pace = model, launcher, pace
        self._ends = 0
        self._was_ready = False
        self._again_at = 0.0
        self.task = asyncio.create_task(self._keep(), name=f"copy of {model.id}")

    @property
    def is_failing(self) -> bool:
        return self.replica is None and self._ends >= self._pace.loop

    @property
    def retry_after(self) -> float:
        return max(1.0, self._again_at - monotonic())

    async def _keep(self) -> None:
        while True:
            began = monotonic()
            try:
                self.reason = await self._live()
            except Unavailable as error:
                self.reason = error.message
            except Exception as error:  # else nobody would try again, nor say why
                log.exception("a copy of %s broke", self._model.id)
                self.reason = f"{type(error).__name__}: {error}"
            steady = monotonic() - began >= self._pace.steady
            self._ends = 1 if steady and self._was_ready else self._ends + 1
            pause = self._pace.pause(self._ends)
            self._again_at = monotonic() + pause
            log.warning("a copy of %s ended: %s", self._model.id, self.reason)
            await asyncio.sleep(pause)

    async def _live(self) -> str:
        """One life, from launch to end; why it ended. Nothing of it is left behind."""
        self._was_ready = False
        launched = await self._launcher.launch(self._model)
        try:
            self.replica = await launched.ready()
            self._was_ready = True
            log.info("%s is ready as %s", self._model.id, self.replica.id)
            return await launched.ended()
        finally:
            self.replica = None
            await self._stop(launched)

    async def _stop(self, launched: Launched) -> None:
        """To its end also when cancelled, and then told again: it may have to be at once now.

        Half-way it would keep what it has taken, and nobody would know of it any more.
        """
        stopping = asyncio.create_task(self._stopped(launched))
        try:
            await asyncio.shield(stopping)
        except asyncio.CancelledError:
            if not stopping.done():
                await self._stop(launched)
            raise

    async def _stopped(self, launched: Launched) -> None:
        try:
            await launched.stop(at_once=self.at_once)
        except Exception:  # in place of a cancellation it would keep a copy that nobody wants
            log.exception("a server of %s could not be stopped", self._model.id)
