"""A job's history, appended by every step, read by those who watch it; it stays short."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from kit.database import db_now
from kit.jobs.ports import JsonObject
from kit.jobs.tables import job_events


@dataclass(frozen=True, slots=True)
class JobEvent:
    """`event` is a state that was entered, or `accepted`, `progress`, `crashed`, `retrying` …."""

    seq: int
    job_id: str
    event: str
    data: JsonObject
    at: float


_OF_A_WAIT = ("running", "released")
_APPEND = insert(job_events).values(at=db_now())


def append_event(connection: Connection, job_id: str, tenant: str, event: str, **data: Any) -> None:
    """Call it after the write to the job's row, whose lock gives the events their order."""
    row = {"job_id": job_id, "tenant": tenant, "event": event, "data": data}
    connection.execute(_APPEND, row)


def forget_progress(connection: Connection, job_id: str) -> None:
    """Of a job's progress the newest is kept; call it after that is appended.

    A number that is free at the end of the table may be given again, and a reader who has seen it
    would miss what comes with it: so the newest event is never the one that goes.
    """
    table = job_events.c
    newest = select(func.max(table.seq)).where(table.job_id == job_id, table.event == "progress")
    connection.execute(
        delete(job_events).where(
            table.job_id == job_id,
            table.event == "progress",
            table.seq < newest.scalar_subquery(),
        )
    )


def forget_waits(connection: Connection, job_id: str) -> None:
    """Of starts that each ended in a release the last release is kept; call it after that.

    A job may wait for hours for its turn, and ask for it every few seconds.
    """
    table = job_events.c
    newest = select(func.max(table.seq)).where(table.job_id == job_id, table.event == "released")
    before = select(func.coalesce(func.max(table.seq), 0)).where(
        table.job_id == job_id, table.event.not_in((*_OF_A_WAIT, "progress"))
    )
    connection.execute(
        delete(job_events).where(
            table.job_id == job_id,
            table.event.in_(_OF_A_WAIT),
            table.seq > before.scalar_subquery(),
            table.seq < newest.scalar_subquery(),
        )
    )


def events_after(
    connection: Connection, tenant: str, job_id: str, after: int, limit: int
) -> list[JobEvent]:
    """Events with a `seq` above `after`, oldest first."""
    table = job_events.c
    rows = connection.execute(
        select(table.seq, table.job_id, table.event, table.data, table.at)
        .where(table.tenant == tenant, table.job_id == job_id, table.seq > after)
        .order_by(table.seq)
        .limit(limit)
    )
    return [JobEvent(*row) for row in rows]
