"""Runs jobs in this process: claims what is due, watches over it, takes back what fell silent."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

from kit.database import Database
from kit.errors import PlatformError
from kit.jobs.attempt import Attempt
from kit.jobs.heart import Heart
from kit.jobs.instance import only_instance, owner_name
from kit.jobs.lease import claim_due
from kit.jobs.ports import Handlers
from kit.jobs.reap import reap, reclaim
from kit.jobs.waker import LocalWaker
from kit.telemetry import JOBS_TAKEN_BACK

logger = logging.getLogger(__name__)


class JobRunner:
    """`start`, then `stop`; both once, on the same event loop.

    `lease` and `poll` in seconds. `instance_lock`: a file that only one runner may hold; with it,
    jobs that an earlier process left running start again at once instead of after their lease.
    """

    def __init__(
        self,
        database: Database,
        handlers: Handlers,
        waker: LocalWaker,
        *,
        concurrency: int = 4,
        lease: float = 10.0,
        poll: float = 1.0,
        instance_lock: Path | None = None,
    ) -> None:
        self._database = database
        self._handlers = handlers
        self._waker = waker
        self._concurrency = concurrency
        self._lease = lease
        self._poll = poll
        self._instance_lock = instance_lock
        self._owner = owner_name()
        self._attempts: dict[Attempt, asyncio.Task[Any]] = {}
        self._loops: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()
        self._on_stop = ExitStack()

    async def start(self) -> None:
        """Raises Conflict when another process holds the instance lock."""
        if self._instance_lock is not None:
            self._on_stop.enter_context(only_instance(self._instance_lock))
            await self._database.write(reclaim, self._owner)
        self._heart = Heart(self._database, lease=self._lease)
        self._loops = [
            asyncio.create_task(self._forever(step))
            for step in (self._claim, self._claim_quarantined, self._reap)
        ]

    async def stop(self, grace: float = 0.0) -> None:
        """Claims no more; after `grace` seconds gives back, uncounted, what still runs."""
        self._stopping.set()  # not a cancel: a claim under way must not be forgotten
        self._waker.wake_now()
        await asyncio.gather(*self._loops)
        if self._attempts and grace > 0:
            await asyncio.wait(self._attempts.values(), timeout=grace)
        for attempt in self._attempts:
            attempt.release()
        await asyncio.gather(*self._attempts.values(), return_exceptions=True)
        await self._heart.stop()
        self._on_stop.close()

    async def _forever(self, step: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while not self._stopping.is_set():
            try:
                await step()
            except PlatformError as error:
                logger.warning("jobs wait for the database: %s", error.message)
                await self._pause()
            except Exception:  # a loop that ends would be seen only by jobs that never run
                logger.exception("%s broke; it is tried again", step.__name__)
                await self._pause()

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._poll):
                await self._stopping.wait()

    async def _claim(self) -> None:
        """Fills the free places, then waits for a wake, an ending, or the next poll."""
        await self._claim_up_to(self._concurrency, quarantined=False)
        await self._waker.wait(self._poll)

    async def _claim_quarantined(self) -> None:
        """One place is for jobs that broke a process before; no two of them run at once."""
        await self._claim_up_to(1, quarantined=True)
        await self._pause()

    async def _claim_up_to(self, places: int, *, quarantined: bool) -> None:
        taken = sum(attempt.job.quarantined == quarantined for attempt in self._attempts)
        if taken >= places:
            return
        claimed_at = time.monotonic()
        claimed = await self._database.write(
            claim_due,
            limit=places - taken,
            kinds=list(self._handlers),
            owner=self._owner,
            lease=self._lease,
            quarantined=quarantined,
        )
        for job in claimed:
            attempt = Attempt(self._database, self._handlers, self._heart, job)
            task = asyncio.create_task(attempt.run(claimed_at))
            self._attempts[attempt] = task
            task.add_done_callback(partial(self._ended, attempt))

    def _ended(self, attempt: Attempt, task: asyncio.Task[Any]) -> None:
        del self._attempts[attempt]
        if not task.cancelled() and task.exception() is not None:
            logger.error("job %s: its ending failed", attempt.job.id, exc_info=task.exception())
        self._waker.wake_now()

    async def _reap(self) -> None:
        silent = await self._database.write(reap)
        if silent:
            JOBS_TAKEN_BACK.inc(len(silent))
            logger.warning("took back jobs that fell silent: %s", ", ".join(silent))
            self._waker.wake_now()
        await self._pause()
