"""Reading jobs, always within one tenant."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from kit.errors import NotFound
from kit.jobs.job import COLUMNS, Job, State, job_of
from kit.jobs.tables import jobs


@dataclass(frozen=True, slots=True)
class JobPage:
    """`next_cursor` goes into the next call's `after`; None on the last page."""

    jobs: list[Job]
    next_cursor: str | None


def get_job(connection: Connection, tenant: str, job_id: str, *, lock: bool = False) -> Job:
    """`lock` keeps the row unchanged by others until the transaction ends."""
    query = select(*COLUMNS).where(jobs.c.tenant == tenant, jobs.c.id == job_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound(f"There is no job {job_id}.", param="job_id")
    return job_of(row)


def list_jobs(
    connection: Connection,
    tenant: str,
    *,
    kind: str | None = None,
    state: State | None = None,
    after: str | None = None,
    limit: int = 50,
) -> JobPage:
    """Newest first."""
    query = select(*COLUMNS).where(jobs.c.tenant == tenant)
    if kind is not None:
        query = query.where(jobs.c.kind == kind)
    if state is not None:
        query = query.where(jobs.c.state == state)
    if after is not None:
        query = query.where(jobs.c.id < after)
    rows = connection.execute(query.order_by(jobs.c.id.desc()).limit(limit + 1)).all()
    page = [job_of(row) for row in rows[:limit]]
    return JobPage(page, page[-1].id if len(rows) > limit else None)
