"""The ledger of point versions: what may lie in the index, and what must leave it."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, delete, exists, insert, or_, select, update

from contracts.search.ingestion import Fence
from kit.errors import Conflict
from kit.jobs.tables import jobs
from services.search.repository.tables import documents
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
    held: Fence,
) -> None:
    """Notes an attempt before its points are written; earlier attempts can no longer commit.

    The caller holds the document's row, and `committed` is what that row says.
    """
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
            job=held.job,
            epoch=held.epoch,
        )
    )


def commit(
    connection: Connection, tenant: str, document: str, *, version: int, replaces: int
) -> None:
    """Raises Conflict when a later attempt has condemned this one."""
    mine = (ledger.c.tenant == tenant) & (ledger.c.document == document)
    held = connection.execute(
        select(ledger.c.version)
        .where(mine, ledger.c.version == version, ledger.c.condemned.is_(False))
        .with_for_update()
    ).one_or_none()
    if held is None:
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


def condemn_abandoned(
    connection: Connection, tenant: str, knowledge_base: str, *, job: str
) -> None:
    """What was begun and never committed, by `job` or by attempts that are over."""
    visible = exists().where(
        documents.c.tenant == tenant,
        documents.c.uid == ledger.c.document,
        documents.c.version == ledger.c.version,
    )
    at_work = exists().where(
        jobs.c.id == ledger.c.job, jobs.c.state == "running", jobs.c.epoch == ledger.c.epoch
    )
    connection.execute(
        update(ledger)
        .where(
            ledger.c.tenant == tenant,
            ledger.c.knowledge_base == knowledge_base,
            ledger.c.condemned.is_(False),
            ~visible,
            or_(ledger.c.job == job, ~at_work),
        )
        .values(condemned=True)
    )


def condemned(
    connection: Connection, tenant: str, knowledge_base: str, *, document: str | None = None
) -> list[Condemned]:
    query = select(ledger.c.document, ledger.c.version).where(
        ledger.c.tenant == tenant,
        ledger.c.knowledge_base == knowledge_base,
        ledger.c.condemned.is_(True),
    )
    if document is not None:
        query = query.where(ledger.c.document == document)
    return [Condemned(row.document, row.version) for row in connection.execute(query)]


def forget(connection: Connection, tenant: str, gone: Collection[Condemned]) -> None:
    """Once the index holds none of their points."""
    for one in gone:
        connection.execute(
            delete(ledger).where(
                ledger.c.tenant == tenant,
                ledger.c.document == one.document,
                ledger.c.version == one.version,
                ledger.c.condemned.is_(True),
            )
        )
