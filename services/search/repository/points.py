"""The ledger of point versions: what may lie in the index, and what must leave it."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from kit.errors import Conflict
from services.search.repository.tables import point_versions as ledger


@dataclass(frozen=True, slots=True)
class Condemned:
    document: str
    version: int


def begin(
    connection: Connection,
    tenant: str,
    knowledge_base: str,
    document: str,
    *,
    version: int,
    committed: int,
) -> None:
    """Notes an attempt before its points are written; earlier attempts can no longer commit."""
    connection.execute(
        update(ledger)
        .where(ledger.c.tenant == tenant, ledger.c.document == document)
        .where(ledger.c.version != committed)
        .values(condemned=True)
    )
    connection.execute(
        insert(ledger).values(
            document=document,
            version=version,
            tenant=tenant,
            knowledge_base=knowledge_base,
            condemned=False,
        )
    )


def commit(
    connection: Connection, tenant: str, document: str, *, version: int, replaces: int
) -> None:
    """Raises Conflict when a later attempt has condemned this one."""
    mine = (ledger.c.tenant == tenant) & (ledger.c.document == document)
    held = connection.execute(
        update(ledger)
        .where(mine, ledger.c.version == version, ledger.c.condemned.is_(False))
        .values(condemned=False)
    )
    if held.rowcount == 0:
        raise Conflict("A later attempt at this document has begun; this one stops.")
    connection.execute(
        update(ledger).where(mine, ledger.c.version == replaces).values(condemned=True)
    )


def condemn(
    connection: Connection, tenant: str, document: str, *, version: int | None = None
) -> None:
    """One version of a document, or all of them."""
    query = update(ledger).where(ledger.c.tenant == tenant, ledger.c.document == document)
    if version is not None:
        query = query.where(ledger.c.version == version)
    connection.execute(query.values(condemned=True))


def condemned(connection: Connection, tenant: str, knowledge_base: str) -> list[Condemned]:
    rows = connection.execute(
        select(ledger.c.document, ledger.c.version).where(
            ledger.c.tenant == tenant,
            ledger.c.knowledge_base == knowledge_base,
            ledger.c.condemned.is_(True),
        )
    )
    return [Condemned(row.document, row.version) for row in rows]


def forget(connection: Connection, tenant: str, gone: Condemned) -> None:
    """Once the index holds none of its points."""
    connection.execute(
        delete(ledger).where(
            ledger.c.tenant == tenant,
            ledger.c.document == gone.document,
            ledger.c.version == gone.version,
            ledger.c.condemned.is_(True),
        )
    )
