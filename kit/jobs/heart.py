"""Keeps the leases of a process alive from a thread of its own, and says when one is lost."""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kit.database import Database
from kit.errors import PlatformError
from kit.jobs.lease import beat
from kit.jobs.ports import JobLost

logger = logging.getLogger(__name__)

SELF_STOP = 0.8
"""The share of a lease without a good beat after which its holder stops by itself."""


@dataclass(eq=False, slots=True)
class Hold:
    """One claimed job; `changed` is called on the jobs' event loop when a flag turns true."""

    job_id: str
    epoch: int
    good_at: float
    """When the last beat that succeeded was sent, by the monotonic clock."""
    changed: Callable[[], None]
    lost: bool = False
    cancel_requested: bool = False


class Heart:
    """Beats every quarter of a lease, also while a job blocks the event loop.

    A loop that stays blocked for `patience` seconds has lost its jobs, which go to other workers;
    then `stuck`, where there is one, is called on the heart's thread. What is claimed once the loop
    runs again is kept alive as before.
    """

    def __init__(
        self,
        database: Database,
        *,
        lease: float,
        patience: float = 60.0,
        stuck: Callable[[], None] | None = None,
    ) -> None:
        """Make it on the event loop that runs the jobs. `lease` in seconds."""
        self.lease = lease
        self._database = database
        self._patience = patience
        self._stuck = stuck
        self._holds: set[Hold] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._answers = True  # the loop, to what it was asked last
        self._silent = 0.0  # seconds since it was asked
        self._looked_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="job-heart", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        self._stop.set()
        await asyncio.to_thread(self._thread.join)

    @contextmanager
    def hold(
        self, job_id: str, epoch: int, claimed_at: float, changed: Callable[[], None]
    ) -> Iterator[Hold]:
        """Keeps a claim's lease; `claimed_at` is monotonic, from before the claim was sent."""
        hold = Hold(job_id, epoch, claimed_at, changed)
        with self._lock:
            self._holds.add(hold)
        try:
            yield hold
        finally:
            with self._lock:
                self._holds.discard(hold)

    def _run(self) -> None:
        with asyncio.Runner() as own_loop:
            while not self._stop.wait(self._pause()) and not self._loop.is_closed():
                if self._loop_is_stuck():
                    self._give_up()
                own_loop.run(self._beat_all())

    def _kept(self) -> list[Hold]:
        with self._lock:
            return [hold for hold in self._holds if not hold.lost]

    def _deadline(self, hold: Hold) -> float:
        return hold.good_at + SELF_STOP * self.lease

    def _pause(self) -> float:
        """A quarter of a lease, or less where a hold's deadline comes first."""
        left = min((self._deadline(hold) for hold in self._kept()), default=float("inf"))
        return max(min(self.lease / 4, left - time.monotonic()), 0.02)

    async def _beat_all(self) -> None:
        # Each in its own transaction: a job whose row is locked must not delay the others.
        await asyncio.gather(*(self._beat(hold) for hold in self._kept()))

    async def _beat(self, hold: Hold) -> None:
        sent_at = time.monotonic()
        patience = max(min(self.lease / 4, self._deadline(hold) - sent_at), 0.02)
        try:
            async with asyncio.timeout(patience):
                cancel = await self._database.write(beat, hold.job_id, hold.epoch, self.lease)
        except JobLost:
            self._lose(hold)
        except (PlatformError, TimeoutError) as error:
            if time.monotonic() >= self._deadline(hold):
                logger.warning("no beat of job %s got through: %r", hold.job_id, error)
                self._lose(hold)
        else:
            hold.good_at = sent_at
            if cancel and not hold.cancel_requested:
                hold.cancel_requested = True
                self._call(hold.changed)

    def _lose(self, hold: Hold) -> None:
        hold.lost = True
        self._call(hold.changed)

    def _loop_is_stuck(self) -> bool:
        """Asks the jobs' loop for a sign of life; true when it has owed one for too long.

        What the heart itself slept through says nothing of the loop: a process that was suspended
        has a sound one.
        """
        now = time.monotonic()
        passed, self._looked_at = now - self._looked_at, now
        if self._answers:
            self._answers, self._silent = False, 0.0
            self._call(self._tick)
        else:
            self._silent += min(passed, self.lease)
        return self._silent >= self._patience

    def _give_up(self) -> None:
        logger.error("the event loop was blocked for %.0f s: giving up its jobs", self._silent)
        self._silent = 0.0
        for hold in self._kept():
            self._lose(hold)
        if self._stuck is not None:
            self._stuck()

    def _tick(self) -> None:
        self._answers = True

    def _call(self, callback: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # that loop is closed: nobody is left to tell
            self._loop.call_soon_threadsafe(callback)
