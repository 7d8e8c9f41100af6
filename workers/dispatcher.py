"""The process that sends messages for due jobs and takes back the silent ones."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection

from celery import Celery
from kombu.exceptions import OperationalError

from kit.database import Database
from kit.errors import PlatformError
from kit.jobs.dispatch import Message, dispatch
from kit.jobs.failpoints import failpoint
from kit.jobs.reap import reap
from workers.app import JOBS_QUEUE, QUARANTINE_QUEUE, RUN_JOB
from workers.settings import WorkerSettings

logger = logging.getLogger(__name__)

MESSAGES_PER_CHILD = 4


class Dispatcher:
    """Safe to run twice: PostgreSQL lets one transaction at a time dispatch, and one reap."""

    def __init__(
        self,
        database: Database,
        settings: WorkerSettings,
        publish: Callable[[Message], None],
        wait: Callable[[float], Awaitable[None]],
        *,
        kinds: Collection[str] | None = None,
    ) -> None:
        """`publish` blocks and may fail; `wait` returns at a wake or after so many seconds.

        `kinds`: what the workers know; None for any.
        """
        self._database = database
        self._settings = settings
        self._publish = publish
        self._wait = wait
        self._kinds = kinds

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; a broker that hangs holds up the sending, not the reaping."""
        await asyncio.gather(
            self._repeat(self.send, self._wait, stop), self._repeat(self.reap, asyncio.sleep, stop)
        )

    async def send(self) -> None:
        """Sends a message for each job that is due, as far as there is room."""
        messages = await self._database.write(
            dispatch,
            outstanding=MESSAGES_PER_CHILD * self._settings.fleet,
            kinds=self._kinds,
            resend_after=self._settings.resend_after,
        )
        failpoint("dispatch.before_publish")
        await asyncio.to_thread(self._publish_all, messages)

    async def reap(self) -> None:
        """Takes back the jobs whose lease is over."""
        silent = await self._database.write(reap)
        if silent:
            logger.warning("took back jobs that fell silent: %s", ", ".join(silent))

    async def _repeat(
        self,
        step: Callable[[], Awaitable[None]],
        wait: Callable[[float], Awaitable[None]],
        stop: asyncio.Event,
    ) -> None:
        while not stop.is_set():
            try:
                await step()
            except PlatformError as error:
                logger.warning("the dispatcher waits for the database: %s", error.message)
            await wait(self._settings.poll)

    def _publish_all(self, messages: list[Message]) -> None:
        for message in messages:
            try:
                self._publish(message)
            except (OperationalError, OSError) as error:
                # The rows say what was sent; what did not arrive is sent again in a while.
                logger.warning("the broker does not answer: %s", type(error).__name__)
                return


def celery_publisher(app: Celery) -> Callable[[Message], None]:
    """Publishes a message as a Celery task, without waiting for a broker that is away."""

    def publish(message: Message) -> None:
        queue = QUARANTINE_QUEUE if message.quarantined else JOBS_QUEUE
        app.send_task(RUN_JOB, args=[message.job_id], queue=queue, retry=False)

    return publish
