"""Claiming a job and keeping the claim: a lease by the database's clock, numbered by an epoch."""

from collections.abc import Collection

from sqlalchemy import Connection, func, update

from kit.database import db_now
from kit.jobs.due import due_jobs
from kit.jobs.events import append_event
from kit.jobs.failpoints import failpoint
from kit.jobs.fence import update_attempt
from kit.jobs.job import ClaimedJob
from kit.jobs.tables import jobs


def claim(
    connection: Connection, job_id: str, *, kinds: Collection[str], owner: str, lease: float
) -> ClaimedJob | None:
    """Starts the next attempt of a due job; None when there is nothing to claim (a late message).

    `lease` in seconds; `owner` says who to look for, `host:pid:boot`.
    """
    row = connection.execute(
        update(jobs)
        .where(
            jobs.c.id == job_id,
            jobs.c.state == "queued",
            jobs.c.run_at <= db_now(),
            jobs.c.kind.in_(kinds),
        )
        .values(
            state="running",
            epoch=jobs.c.epoch + 1,
            owner=owner,
            lease_until=db_now() + lease,
            started_at=func.coalesce(jobs.c.started_at, db_now()),
        )
        .returning(
            jobs.c.id,
            jobs.c.tenant,
            jobs.c.kind,
            jobs.c.epoch,
            jobs.c.attempts,
            jobs.c.crash_count,
            jobs.c.quarantined,
            jobs.c.input,
            jobs.c.checkpoint,
        )
    ).one_or_none()
    if row is None:
        return None
    append_event(connection, job_id, row.tenant, "running", epoch=row.epoch)
    failpoint("claim.before_commit")
    return ClaimedJob(*row)


def claim_due(
    connection: Connection,
    *,
    limit: int,
    kinds: Collection[str],
    owner: str,
    lease: float,
    quarantined: bool = False,
) -> list[ClaimedJob]:
    """Claims up to `limit` due jobs of `kinds` in their fair order."""
    ids = due_jobs(connection, limit=limit, kinds=kinds, quarantined=quarantined)
    claims = (claim(connection, job_id, kinds=kinds, owner=owner, lease=lease) for job_id in ids)
    return [claimed for claimed in claims if claimed is not None]


def beat(connection: Connection, job_id: str, epoch: int, lease: float) -> bool:
    """Renews the lease; returns whether a cancel was asked for; raises JobLost when it is over."""
    row = update_attempt(connection, job_id, epoch, lease_until=db_now() + lease)
    return bool(row.cancel_requested)
