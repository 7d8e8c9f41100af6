"""Taking jobs back from attempts that fell silent."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from kit.database import db_now
from kit.jobs.job import AnyRow
from kit.jobs.leader import only_one
from kit.jobs.retry import crash_job
from kit.jobs.tables import IS_RUNNING, jobs

SILENT = {"code": "internal", "message": "The worker stopped while it ran this job."}


def reap(connection: Connection, limit: int = 100) -> list[str]:
    """Counts a crash for each running job whose lease is over; returns their ids.

    The job may start again at once: its lease was wait enough.
    """
    if not only_one(connection, "jobs.reap"):
        return []
    rows = connection.execute(
        select(jobs.c.id, jobs.c.epoch)
        .where(IS_RUNNING, jobs.c.lease_until < db_now())
        .order_by(jobs.c.lease_until)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    return _crash_all(connection, rows)


def reclaim(connection: Connection, owner: str) -> list[str]:
    """Takes back every running job that is not `owner`'s, without waiting for its lease.

    Only for a process that knows itself to be the only one that runs jobs on this database.
    """
    rows = connection.execute(
        select(jobs.c.id, jobs.c.epoch).where(IS_RUNNING, jobs.c.owner != owner)
    ).all()
    return _crash_all(connection, rows)


def _crash_all(connection: Connection, rows: Sequence[AnyRow]) -> list[str]:
    for row in rows:
        crash_job(connection, row.id, row.epoch, SILENT, chance=0.0)
    return [row.id for row in rows]
