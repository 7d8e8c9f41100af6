"""Reads a tenant's audit log: who did what to which resource, and how it ended."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from kit.auth.tables import AUDIT


@dataclass(frozen=True, slots=True)
class Recorded:
    """`time` in UNIX seconds; `key` is the id of the key used; `details` is a JSON object."""

    seq: int
    time: float
    key: str
    operation: str
    resource: str
    outcome: str
    request_id: str
    details: str


def last_entries(connection: Connection, tenant: str, operation: str, last: int) -> list[Recorded]:
    """The newest `last` entries whose operation has that text in its name, oldest first."""
    query = (
        select(
            AUDIT.c.seq, AUDIT.c.time, AUDIT.c.key, AUDIT.c.operation,
            AUDIT.c.resource, AUDIT.c.outcome, AUDIT.c.request_id, AUDIT.c.details,
        )
        .where(AUDIT.c.tenant == tenant, AUDIT.c.operation.contains(operation, autoescape=True))
        .order_by(AUDIT.c.seq.desc())
        .limit(last)
    )  # fmt: skip
    return [Recorded(*row) for row in reversed(connection.execute(query).all())]
