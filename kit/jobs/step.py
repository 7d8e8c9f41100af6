"""What an attempt writes while it runs: progress, a checkpoint, a step that happens once."""

from collections.abc import Callable

from sqlalchemy import Connection, insert, select

from kit.jobs.events import append_event, forget_progress
from kit.jobs.failpoints import failpoint
from kit.jobs.fence import hold_attempt, update_attempt
from kit.jobs.ports import JsonObject
from kit.jobs.tables import job_effects


def write_progress(
    connection: Connection, job_id: str, epoch: int, done: int, total: int, note: str
) -> bool:
    """Returns whether a cancel was asked for."""
    progress = {"done": done, "total": total, "note": note}
    row = update_attempt(connection, job_id, epoch, progress=progress)
    append_event(connection, job_id, row.tenant, "progress", **progress)
    forget_progress(connection, job_id)
    return bool(row.cancel_requested)


def write_checkpoint(
    connection: Connection, job_id: str, epoch: int, checkpoint: JsonObject
) -> bool:
    """Returns whether a cancel was asked for."""
    return bool(update_attempt(connection, job_id, epoch, checkpoint=checkpoint).cancel_requested)


def commit_once(
    connection: Connection,
    job_id: str,
    epoch: int,
    step: str,
    effect: Callable[[Connection], JsonObject],
) -> JsonObject:
    """Runs `effect` in this transaction unless an attempt before did; returns its output."""
    hold_attempt(connection, job_id, epoch)
    done = connection.execute(
        select(job_effects.c.output).where(
            job_effects.c.job_id == job_id, job_effects.c.step == step
        )
    ).one_or_none()
    if done is not None:
        output: JsonObject = done.output
        return output
    output = effect(connection)
    connection.execute(
        insert(job_effects).values(job_id=job_id, step=step, epoch=epoch, output=output)
    )
    failpoint("step.before_commit")
    return output
