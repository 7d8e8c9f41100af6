"""Taking a knowledge base or a data source out of the tables, whole."""

from collections.abc import Callable
from typing import TypeAlias

from sqlalchemy import Connection, delete, select, update

from services.search.repository.tables import (
    chunks,
    custom_documents,
    data_sources,
    documents,
    ingestions,
    knowledge_bases,
    point_versions,
    sessions,
    tags,
)

Remove: TypeAlias = Callable[[Connection, str, str], None]
"""Of a tenant, by id."""


def base(connection: Connection, tenant: str, id: str) -> None:
    """Its vectors must be gone already."""
    sources = select(data_sources.c.id).where(
        data_sources.c.tenant == tenant, data_sources.c.knowledge_base == id
    )
    for source_id in connection.execute(sources).scalars().all():
        _source_rows(connection, tenant, source_id)
    for table in (point_versions, sessions, data_sources):
        connection.execute(
            delete(table).where(table.c.tenant == tenant, table.c.knowledge_base == id)
        )
    connection.execute(
        delete(tags).where(tags.c.tenant == tenant, tags.c.resource.endswith(f"/{id}"))
    )
    connection.execute(
        delete(knowledge_bases).where(
            knowledge_bases.c.tenant == tenant, knowledge_bases.c.id == id
        )
    )


def source(connection: Connection, tenant: str, id: str) -> None:
    """With documents that are kept (RETAIN) its row stays behind them, out of sight."""
    mine = (data_sources.c.tenant == tenant) & (data_sources.c.id == id)
    kept = connection.execute(
        select(documents.c.uid)
        .where(documents.c.tenant == tenant, documents.c.data_source == id)
        .limit(1)
    ).first()
    if kept is not None:
        connection.execute(
            update(data_sources)
            .where(mine)
            .values(status="DELETED", name=f"deleted {id}", client_token=None)
        )
        return
    _source_rows(connection, tenant, id)
    connection.execute(delete(data_sources).where(mine))


def _source_rows(connection: Connection, tenant: str, id: str) -> None:
    uids = select(documents.c.uid).where(
        documents.c.tenant == tenant, documents.c.data_source == id
    )
    connection.execute(delete(chunks).where(chunks.c.tenant == tenant, chunks.c.document.in_(uids)))
    for table in (documents, ingestions, custom_documents):
        connection.execute(delete(table).where(table.c.tenant == tenant, table.c.data_source == id))
