"""How an attempt ends in peace: success with its effects, a cancel that was heard, a drain."""

from collections.abc import Callable, Iterable

from sqlalchemy import Connection, select

from kit.database import db_now
from kit.jobs.events import append_event, forget_waits
from kit.jobs.failpoints import failpoint
from kit.jobs.fence import hold_attempt, update_attempt
from kit.jobs.ports import JsonObject
from kit.jobs.tables import jobs
from kit.telemetry import JOBS_DEAD

RELEASED = {"state": "queued", "owner": None, "lease_until": None, "dispatched_at": None}
"""What a row looks like when nobody runs it."""
_ENDED = {"owner": None, "lease_until": None, "finished_at": db_now()}


def finish_job(
    connection: Connection,
    job_id: str,
    epoch: int,
    result: JsonObject,
    effects: Iterable[Callable[[Connection], object]] = (),
) -> None:
    """Commits the result and every effect together; raises JobLost, and so rolls back, if late."""
    row = update_attempt(
        connection, job_id, epoch, state="succeeded", result=result, error=None, **_ENDED
    )
    for effect in effects:
        effect(connection)
    append_event(connection, job_id, row.tenant, "succeeded")
    failpoint("finish.before_commit")


def end_cancelled(connection: Connection, job_id: str, epoch: int) -> None:
    """Ends an attempt that heard its cancel."""
    row = update_attempt(connection, job_id, epoch, state="cancelled", **_ENDED)
    append_event(connection, job_id, row.tenant, "cancelled")


def release_job(connection: Connection, job_id: str, epoch: int, *, after: float = 0.0) -> None:
    """Gives a job back unfinished, to be claimed by another in `after` seconds; no failure."""
    row = hold_attempt(connection, job_id, epoch)
    if row.cancel_requested:
        end_cancelled(connection, job_id, epoch)
        return
    update_attempt(connection, job_id, epoch, run_at=db_now() + after, **RELEASED)
    append_event(connection, job_id, row.tenant, "released")
    forget_waits(connection, job_id)


def end_failed(connection: Connection, job_id: str, epoch: int, error: JsonObject) -> None:
    """Ends a job whose handler gave up for good."""
    row = update_attempt(connection, job_id, epoch, state="failed", error=error, **_ENDED)
    append_event(connection, job_id, row.tenant, "failed", error=error)


def end_dead(connection: Connection, job_id: str, epoch: int, error: JsonObject) -> None:
    """Ends a job that crashed too often; its owner can see it and retry it."""
    row = update_attempt(connection, job_id, epoch, state="dead", error=error, **_ENDED)
    append_event(connection, job_id, row.tenant, "dead", error=error)
    JOBS_DEAD.inc()


def finished_by(connection: Connection, job_id: str, epoch: int) -> bool:
    """Whether this attempt's finish is committed: the answer when a COMMIT's own got lost."""
    row = connection.execute(
        select(jobs.c.state, jobs.c.epoch).where(jobs.c.id == job_id)
    ).one_or_none()
    return row is not None and row.state == "succeeded" and row.epoch == epoch
