"""The fence: no write on behalf of an attempt that is over."""

from sqlalchemy import ColumnElement, Connection, and_, select, update

from kit.jobs.job import AnyRow
from kit.jobs.ports import JobLost
from kit.jobs.tables import jobs


def still_owned(job_id: str, epoch: int) -> ColumnElement[bool]:
    """The one predicate that every write of an attempt carries."""
    return and_(jobs.c.id == job_id, jobs.c.state == "running", jobs.c.epoch == epoch)


def fence(connection: Connection, job_id: str, epoch: int) -> None:
    """Raises JobLost unless this attempt still runs; holds it so until the transaction ends.

    For the transactions of services that write on behalf of a job.
    """
    hold_attempt(connection, job_id, epoch)


def hold_attempt(connection: Connection, job_id: str, epoch: int) -> AnyRow:
    """As `fence`; returns what the job's next step depends on."""
    row = connection.execute(
        select(
            jobs.c.tenant,
            jobs.c.attempts,
            jobs.c.max_attempts,
            jobs.c.crash_count,
            jobs.c.cancel_requested,
        )
        .where(still_owned(job_id, epoch))
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise lost(job_id, epoch)
    return row


def update_attempt(connection: Connection, job_id: str, epoch: int, **values: object) -> AnyRow:
    """Writes to the job's row if this attempt still runs; returns its tenant and cancel flag."""
    row = connection.execute(
        update(jobs)
        .where(still_owned(job_id, epoch))
        .values(**values)
        .returning(jobs.c.tenant, jobs.c.cancel_requested)
    ).one_or_none()
    if row is None:
        raise lost(job_id, epoch)
    return row


def lost(job_id: str, epoch: int) -> JobLost:
    return JobLost(f"Attempt {epoch} of job {job_id} is over.")
