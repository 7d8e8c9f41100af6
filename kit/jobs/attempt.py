"""One attempt of one job: run the handler under its lease, then settle how it ended, once."""

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial
from secrets import SystemRandom
from typing import Literal, TypeAlias

from sqlalchemy import Connection

from kit.database import Database
from kit.errors import PlatformError, StorageFull, Unavailable
from kit.jobs.context import LeasedJob
from kit.jobs.failpoints import failpoint
from kit.jobs.finish import end_cancelled, finish_job, finished_by, release_job
from kit.jobs.heart import Heart
from kit.jobs.job import ClaimedJob
from kit.jobs.ports import Handlers, JobCancelled, JobLost, JobYielded, JsonObject
from kit.jobs.retry import crash_job, fail_job
from kit.telemetry import JOB_ATTEMPTS, JOB_RERUNS

logger = logging.getLogger(__name__)

CANCEL_GRACE = 5.0
"""Seconds that a handler has to notice a cancel by itself before its task is cancelled."""
SETTLE_PATIENCE = 60.0
"""Seconds of a silent or full database after which an ending is left to the reaper."""
BROKEN = {"code": "internal", "message": "The job broke; the platform's log has the details."}

Outcome: TypeAlias = Literal["succeeded", "failed", "crashed", "cancelled", "released", "lost"]
Settle: TypeAlias = Callable[[Connection, str, int], None]


class Attempt:
    """`run` it once, as a task; `release` makes it stop and give its job back."""

    def __init__(
        self, database: Database, handlers: Handlers, heart: Heart, claimed: ClaimedJob
    ) -> None:
        self.job = claimed
        self._database = database
        self._handlers = handlers
        self._heart = heart
        self._handling: asyncio.Task[JsonObject] | None = None
        self._released = False

    async def run(self, claimed_at: float) -> Outcome:
        """`claimed_at`: the monotonic time from before the claim was sent."""
        job = self.job
        if job.epoch > 1:
            JOB_RERUNS.labels(job.kind).inc()
        with self._heart.hold(job.id, job.epoch, claimed_at, self._on_change) as self._hold:
            try:
                outcome = await self._run()
            except JobLost:
                outcome = "lost"
            level = logging.WARNING if outcome == "lost" else logging.INFO
            logger.log(level, "job %s attempt %d: %s", job.id, job.epoch, outcome)
            JOB_ATTEMPTS.labels(job.kind, outcome).inc()
            return outcome

    def release(self) -> None:
        """Stops the handler; the job is queued again, with its checkpoint, and no crash counted."""
        self._released = True
        self._stop_handling()

    async def _run(self) -> Outcome:
        try:
            context = LeasedJob(self._database, self.job, self._hold, kinds=list(self._handlers))
            result = await self._handle(context)
            failpoint("attempt.before_finish")
            await self._settle(partial(finish_job, result=result, effects=context.effects))
            failpoint("attempt.after_finish")
        except JobLost:
            raise
        except (JobCancelled, asyncio.CancelledError) as error:
            outcome, settle = self._stopped(error)
        except JobYielded as wish:
            outcome, settle = "released", partial(release_job, after=wish.after)
        except PlatformError as error:
            outcome, settle = "failed", _failure(error)
        except Exception:
            logger.exception("job %s attempt %d broke", self.job.id, self.job.epoch)
            outcome, settle = "crashed", _crash()
        else:
            return "succeeded"
        await self._settle(settle)
        return outcome

    async def _handle(self, context: LeasedJob) -> JsonObject:
        handler = self._handlers[self.job.kind]
        self._handling = asyncio.ensure_future(handler(context))
        if self._released:
            self._handling.cancel()
        try:
            return await self._handling
        finally:
            self._handling.cancel()  # no effect unless this attempt itself was cancelled

    def _stopped(self, error: BaseException) -> tuple[Outcome, Settle]:
        """How an attempt ends whose handler was stopped rather than failed."""
        if self._hold.lost:
            raise JobLost(f"Attempt {self.job.epoch} of job {self.job.id} is over.") from error
        if isinstance(error, JobCancelled) or self._hold.cancel_requested:
            return "cancelled", end_cancelled
        if self._released:
            return "released", release_job
        raise error  # someone cancelled this attempt without release: the reaper sees to the job

    async def _settle(self, settle: Settle) -> None:
        """Commits an ending, however often the database goes away; raises JobLost when too late."""
        job, in_doubt, until = self.job, False, time.monotonic() + SETTLE_PATIENCE
        while True:
            try:
                await self._database.write(settle, job.id, job.epoch)
            except JobLost:
                if in_doubt and await self._database.read(finished_by, job.id, job.epoch):
                    return  # the COMMIT whose answer got lost had arrived
                raise
            except (Unavailable, StorageFull) as error:
                in_doubt = True
                if self._hold.lost or time.monotonic() > until:
                    raise JobLost("The database did not take the job's ending.") from error
                await asyncio.sleep(0.2)
            else:
                return

    def _on_change(self) -> None:
        if self._hold.lost:
            self._stop_handling()
        else:
            asyncio.get_running_loop().call_later(CANCEL_GRACE, self._stop_handling)

    def _stop_handling(self) -> None:
        if self._handling is not None:
            self._handling.cancel()


def _failure(error: PlatformError) -> Settle:
    return partial(
        fail_job,
        error={"code": error.code, "message": error.message},
        retryable=error.retryable,
        retry_after=error.retry_after or 0.0,
        chance=SystemRandom().random(),
    )


def _crash() -> Settle:
    return partial(crash_job, error=BROKEN, chance=SystemRandom().random())
