"""What an owner may do to a job: stop it, or have a finished failure tried again."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from sqlalchemy import Connection, update

from kit.database import db_now
from kit.errors import Conflict
from kit.jobs.events import append_event
from kit.jobs.job import OPEN_STATES, Job
from kit.jobs.query import get_job
from kit.jobs.tables import jobs

Stops: TypeAlias = Mapping[str, Callable[[Connection, str, str], bool]]
"""By job kind, for those that end by themselves and have something to write before: what tells
them, given a tenant and a job, and whether that is news to them."""


def cancel_job(connection: Connection, tenant: str, job_id: str, stops: Stops | None = None) -> Job:
    """Ends a queued job at once and asks a running one to stop; a second call changes nothing.

    Raises NotFound, and Conflict when the job has ended in another way.
    """
    job = get_job(connection, tenant, job_id, lock=True)
    stop = None if stops is None else stops.get(job.kind)
    if stop is not None and job.state in OPEN_STATES:
        if stop(connection, tenant, job_id):
            append_event(connection, job_id, tenant, "cancel_requested")
    elif job.state == "queued":
        _set(connection, job, state="cancelled", cancel_requested=True, finished_at=db_now())
        append_event(connection, job_id, tenant, "cancelled")
    elif job.state == "running":
        _set(connection, job, cancel_requested=True)
        append_event(connection, job_id, tenant, "cancel_requested")
    elif job.state != "cancelled":
        raise Conflict(f"Job {job_id} has already ended: {job.state}.", param="job_id")
    return get_job(connection, tenant, job_id)


def retry_job(connection: Connection, tenant: str, job_id: str) -> Job:
    """Queues a failed or dead job again with its counts at zero; its checkpoint stays."""
    job = get_job(connection, tenant, job_id, lock=True)
    if job.state not in ("failed", "dead"):
        raise Conflict(
            f"Job {job_id} is {job.state}; only failed and dead jobs can be retried.",
            param="job_id",
        )
    _set(
        connection,
        job,
        state="queued",
        attempts=0,
        crash_count=0,
        error=None,
        cancel_requested=False,
        finished_at=None,
        run_at=db_now(),
        dispatched_at=None,
    )
    append_event(connection, job_id, tenant, "queued")
    return get_job(connection, tenant, job_id)


def _set(connection: Connection, job: Job, **values: object) -> None:
    connection.execute(
        update(jobs).where(jobs.c.tenant == job.tenant, jobs.c.id == job.id).values(**values)
    )
