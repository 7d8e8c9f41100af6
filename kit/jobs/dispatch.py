"""Choosing the queued jobs to send a message for; the message is only a hint."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, update

from kit.database import db_now
from kit.jobs.due import due_jobs
from kit.jobs.leader import only_one
from kit.jobs.tables import IS_QUEUED, IS_SENT, jobs

RESEND_AFTER = 30.0
"""Seconds after which a message that led to no claim is taken for lost."""


@dataclass(frozen=True, slots=True)
class Message:
    job_id: str
    quarantined: bool


def dispatch(
    connection: Connection,
    *,
    outstanding: int,
    kinds: Collection[str] | None = None,
    resend_after: float = RESEND_AFTER,
) -> list[Message]:
    """Marks due jobs as sent and returns them, keeping at most `outstanding` messages under way.

    `kinds`: what the workers know, None for any; messages for others would only fill the room.
    A short queue outside leaves order, priority and fairness to the database. Publish after the
    COMMIT, and ignore a publish that fails: the job is sent again after `resend_after` seconds.
    """
    if not only_one(connection, "jobs.dispatch"):
        return []
    sent = select(func.count()).where(IS_SENT, jobs.c.dispatched_at >= db_now() - resend_after)
    room = outstanding - connection.execute(sent).scalar_one()
    ids = due_jobs(connection, limit=room, kinds=kinds, resend_after=resend_after)
    if not ids:
        return []
    rows = connection.execute(
        update(jobs)
        .where(jobs.c.id.in_(ids), IS_QUEUED)
        .values(dispatched_at=db_now())
        .returning(jobs.c.id, jobs.c.quarantined)
    )
    messages = {row.id: Message(row.id, row.quarantined) for row in rows}
    return [messages[job_id] for job_id in ids if job_id in messages]
