"""What follows an attempt that failed or crashed: another one later, or the end."""

from sqlalchemy import Connection

from kit.database import db_now
from kit.jobs.events import append_event
from kit.jobs.fence import hold_attempt, update_attempt
from kit.jobs.finish import RELEASED, end_cancelled, end_dead, end_failed
from kit.jobs.ports import JsonObject

BACKOFF_BASE = 1.0
BACKOFF_CAP = 300.0
QUARANTINE_AFTER = 3
DEAD_AFTER = 5
"""Crashes, counted over the job's life; a quarantined job runs where it can hurt least."""


def fail_job(
    connection: Connection,
    job_id: str,
    epoch: int,
    error: JsonObject,
    *,
    retryable: bool,
    retry_after: float = 0.0,
    chance: float,
) -> None:
    """Ends an attempt with an error: again after a random wait, up to `max_attempts`, or failed.

    `chance` in [0, 1) spreads the waits.
    """
    row = hold_attempt(connection, job_id, epoch)
    attempts = row.attempts + 1
    if row.cancel_requested:
        end_cancelled(connection, job_id, epoch)
    elif retryable and attempts < row.max_attempts:
        wait = max(retry_after, backoff(attempts, chance))
        update_attempt(
            connection,
            job_id,
            epoch,
            attempts=attempts,
            error=error,
            run_at=db_now() + wait,
            **RELEASED,
        )
        append_event(connection, job_id, row.tenant, "retrying", error=error, seconds=wait)
    else:
        update_attempt(connection, job_id, epoch, attempts=attempts)
        end_failed(connection, job_id, epoch, error)


def crash_job(
    connection: Connection,
    job_id: str,
    epoch: int,
    error: JsonObject,
    *,
    chance: float,
) -> None:
    """Ends an attempt that broke: again after a random wait, then in quarantine, then dead.

    `chance` 0 means at once.
    """
    row = hold_attempt(connection, job_id, epoch)
    crashes = row.crash_count + 1
    if row.cancel_requested:
        end_cancelled(connection, job_id, epoch)
        return
    if crashes >= DEAD_AFTER:
        update_attempt(connection, job_id, epoch, crash_count=crashes)
        end_dead(connection, job_id, epoch, error)
        return
    wait = backoff(crashes, chance)
    quarantined = crashes >= QUARANTINE_AFTER
    update_attempt(
        connection,
        job_id,
        epoch,
        crash_count=crashes,
        quarantined=quarantined,
        error=error,
        run_at=db_now() + wait,
        **RELEASED,
    )
    append_event(
        connection,
        job_id,
        row.tenant,
        "crashed",
        error=error,
        quarantined=quarantined,
        seconds=wait,
    )


def backoff(failures: int, chance: float) -> float:
    """Seconds to wait: full jitter under a doubling ceiling; `chance` is in [0, 1)."""
    ceiling: float = min(BACKOFF_CAP, BACKOFF_BASE * 2 ** min(failures, 30))
    return ceiling * chance
