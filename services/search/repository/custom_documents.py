"""Rows of documents that were put in directly; they are a custom data source's source."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from kit.database import clock
from services.search.repository.tables import custom_documents as rows


@dataclass(frozen=True, slots=True)
class Custom:
    """Content inline, or the s3:// URI at which it lies."""

    id: str
    content: bytes | None
    media_type: str
    source_uri: str | None = None
    attributes: Mapping[str, Any] | None = None
    attributes_uri: str | None = None
    updated_at: float = 0.0


def put(connection: Connection, tenant: str, data_source: str, document: Custom) -> None:
    """Replaces what was put in under this id before."""
    remove(connection, tenant, data_source, [document.id])
    connection.execute(
        insert(rows).values(
            data_source=data_source,
            id=document.id,
            tenant=tenant,
            content=document.content,
            media_type=document.media_type,
            source_uri=document.source_uri,
            attributes=document.attributes,
            attributes_uri=document.attributes_uri,
            updated_at=clock(connection),
        )
    )


def get(connection: Connection, tenant: str, data_source: str, id: str) -> Custom | None:
    row = connection.execute(
        select(rows).where(
            rows.c.tenant == tenant, rows.c.data_source == data_source, rows.c.id == id
        )
    ).one_or_none()
    if row is None:
        return None
    return Custom(
        id=row.id,
        content=row.content,
        media_type=row.media_type,
        source_uri=row.source_uri,
        attributes=row.attributes,
        attributes_uri=row.attributes_uri,
        updated_at=row.updated_at,
    )


def ids(connection: Connection, tenant: str, data_source: str) -> list[str]:
    found = connection.execute(
        select(rows.c.id)
        .where(rows.c.tenant == tenant, rows.c.data_source == data_source)
        .order_by(rows.c.id)
    )
    return list(found.scalars())


def remove(connection: Connection, tenant: str, data_source: str, ids: Collection[str]) -> None:
    connection.execute(
        delete(rows).where(
            rows.c.tenant == tenant, rows.c.data_source == data_source, rows.c.id.in_(ids)
        )
    )
