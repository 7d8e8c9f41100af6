"""The door to jobs for whoever serves them: REST, the CLI, and services that start long work."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from kit.database import Database
from kit.jobs.accept import accept_job
from kit.jobs.cancel import Stops, cancel_job, retry_job
from kit.jobs.events import JobEvent, events_after
from kit.jobs.failpoints import failpoint
from kit.jobs.job import OPEN_STATES, Job, State
from kit.jobs.ports import JsonObject, Waker
from kit.jobs.query import JobPage, get_job, list_jobs


class Jobs:
    """Every call stays within one tenant; another tenant's job is NotFound."""

    def __init__(self, database: Database, waker: Waker, *, stops: Stops | None = None) -> None:
        self._database = database
        self._waker = waker
        self._stops = stops

    async def accept(
        self,
        tenant: str,
        kind: str,
        input: JsonObject,
        idem_key: str | None = None,
        priority: int = 0,
        max_attempts: int = 5,
    ) -> Job:
        """Returns once the job is durable; answer the caller only after that.

        The same `idem_key` with the same request returns the job of the first call; with another
        request it raises Conflict. Jobs of a higher `priority` start first within the tenant.
        """
        job = await self._database.write(
            accept_job,
            tenant=tenant,
            kind=kind,
            input=input,
            idem_key=idem_key,
            priority=priority,
            max_attempts=max_attempts,
        )
        failpoint("accept.after_commit")
        await self._waker.wake()
        return job

    async def get(self, tenant: str, job_id: str) -> Job:
        return await self._database.read(get_job, tenant, job_id)

    async def list(
        self,
        tenant: str,
        *,
        kind: str | None = None,
        state: State | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> JobPage:
        """Newest first; `after` is a page's `next_cursor`."""
        return await self._database.read(
            list_jobs, tenant, kind=kind, state=state, after=after, limit=limit
        )

    async def cancel(self, tenant: str, job_id: str) -> Job:
        """A queued job ends at once; a running one has `cancel_requested` until it hears of it.

        Where its kind has a stop of its own, it ends as that has it.
        """
        return await self._database.write(cancel_job, tenant, job_id, self._stops)

    async def retry(self, tenant: str, job_id: str) -> Job:
        """Queues a failed or dead job again."""
        job = await self._database.write(retry_job, tenant, job_id)
        await self._waker.wake()
        return job

    async def events(
        self, tenant: str, job_id: str, after: int = 0, limit: int = 100
    ) -> Sequence[JobEvent]:
        """What happened to the job since event `after`; raises NotFound."""
        await self.get(tenant, job_id)
        return await self._database.read(events_after, tenant, job_id, after, limit)

    async def follow(
        self, tenant: str, job_id: str, after: int = 0, poll: float = 0.5
    ) -> AsyncIterator[JobEvent]:
        """Yields events as they come, until the job has ended; for server-sent events."""
        while True:
            job = await self.get(tenant, job_id)  # before the events, so that the last one is seen
            events = await self._database.read(events_after, tenant, job_id, after, 100)
            for event in events:
                after = event.seq
                yield event
            if not events:
                if job.state not in OPEN_STATES:
                    return
                await asyncio.sleep(poll)
