"""What one child process of a worker keeps between jobs: a database, an event loop, handlers."""

import asyncio
import logging
import os
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TypeAlias

from kit.database import Database
from kit.jobs.attempt import Attempt, Outcome
from kit.jobs.heart import Heart
from kit.jobs.instance import owner_name
from kit.jobs.lease import claim
from kit.jobs.ports import Handlers
from workers.settings import WorkerSettings

logger = logging.getLogger(__name__)

DRAIN_POLL = 0.25
STUCK_STATUS = 70  # EX_SOFTWARE

OpenHandlers: TypeAlias = Callable[[WorkerSettings], AbstractAsyncContextManager[Handlers]]


class WorkerProcess:
    """Runs one job at a time. Make it in the process that uses it, never before a fork."""

    def __init__(
        self,
        settings: WorkerSettings,
        open_handlers: OpenHandlers,
        draining: Callable[[], bool],
    ) -> None:
        """`draining` turns true when the worker was told to stop."""
        self._settings = settings
        self._draining = draining
        self._database = Database(settings.database_url.get_secret_value(), readers=1, writers=3)
        self._loop = asyncio.Runner()
        self._closing = AsyncExitStack()
        handlers = self._closing.enter_async_context(open_handlers(settings))
        self._handlers = self._loop.run(handlers)

    def run(self, job_id: str) -> Outcome | None:
        """Claims and runs the job that a message names; None when the message came late."""
        return self._loop.run(self._run(job_id))

    def close(self) -> None:
        self._loop.run(self._closing.aclose())
        self._loop.close()
        self._database.close()

    async def _run(self, job_id: str) -> Outcome | None:
        claimed_at = time.monotonic()
        claimed = await self._database.write(
            claim,
            job_id,
            kinds=list(self._handlers),
            owner=owner_name(),
            lease=self._settings.lease,
        )
        if claimed is None:
            return None
        heart = Heart(
            self._database,
            lease=self._settings.lease,
            patience=self._settings.patience,
            stuck=_end_process,
        )
        attempt = Attempt(self._database, self._handlers, heart, claimed)
        watch = asyncio.create_task(self._release_on_drain(attempt))
        try:
            return await attempt.run(claimed_at)
        finally:
            watch.cancel()
            await heart.stop()

    async def _release_on_drain(self, attempt: Attempt) -> None:
        while not self._draining():  # noqa: ASYNC110 - a flag between processes has no event
            await asyncio.sleep(DRAIN_POLL)
        await asyncio.sleep(self._settings.drain)
        attempt.release()


def _end_process() -> None:
    """A blocked event loop hears of nothing: end the process before another attempt starts."""
    logging.shutdown()
    os._exit(STUCK_STATUS)
