"""A job's history, appended by every step, read by those who watch it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

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


_APPEND = insert(job_events).values(at=db_now())


def append_event(connection: Connection, job_id: str, tenant: str, event: str, **data: Any) -> None:
    """Call it after the write to the job's row, whose lock gives the events their order."""
    row = {"job_id": job_id, "tenant": tenant, "event": event, "data": data}
    connection.execute(_APPEND, row)


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
