"""Which blobs an object or an upload is made of, and which of them nothing needs any more."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from sqlalchemy import Connection, delete, exists, insert, select

from kit.objects.records import Part
from kit.objects.tables import PARTS


def add(connection: Connection, tenant: str, owner: str, parts: Iterable[Part]) -> None:
    """Lists parts under a version's or an upload's id."""
    rows = [{"owner": owner, "tenant": tenant} | asdict(part) for part in parts]
    if rows:
        connection.execute(insert(PARTS), rows)


def of(connection: Connection, tenant: str, owner: str) -> list[Part]:
    """The parts of a version or an upload, by their numbers."""
    columns = (PARTS.c[name] for name in Part.__slots__)
    query = (
        select(*columns)
        .where(PARTS.c.tenant == tenant, PARTS.c.owner == owner)
        .order_by(PARTS.c.number)
    )
    return [Part(*row) for row in connection.execute(query)]


def free(
    connection: Connection,
    tenant: str,
    owners: Sequence[str],
    numbers: Sequence[int] | None = None,
) -> list[str]:
    """Deletes owners' part rows; returns the blobs that no copy of them still needs."""
    theirs = [PARTS.c.tenant == tenant, PARTS.c.owner.in_(owners)]
    if numbers is not None:
        theirs.append(PARTS.c.number.in_(numbers))
    other = PARTS.alias()
    shared = exists().where(other.c.blob == PARTS.c.blob, other.c.owner.not_in(owners))
    freed = connection.execute(select(PARTS.c.blob).where(*theirs, ~shared).distinct())
    blobs = list(freed.scalars())
    connection.execute(delete(PARTS).where(*theirs))
    return blobs
