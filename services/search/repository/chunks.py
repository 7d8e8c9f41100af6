"""Rows of chunks: the texts that are found; a chunk is visible when its document's row says so."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from services.search.ports import Metadata
from services.search.repository.tables import chunks, data_sources, documents


@dataclass(frozen=True, slots=True)
class NewChunk:
    """`id` is also the point's; a `parent` is another chunk, which has no point of its own."""

    id: str
    text: str
    start: int
    end: int
    page: int | None = None
    parent: str | None = None
    is_parent: bool = False
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """A visible chunk, with its document; `source_type` is S3 or CUSTOM."""

    chunk: str
    document: str
    document_id: str
    version: int
    data_source: str
    source_type: str
    text: str
    start: int
    end: int
    page: int | None
    metadata: dict[str, Any]


def replace_all(
    connection: Connection, tenant: str, document: str, version: int, new: Sequence[NewChunk]
) -> None:
    """A document has the chunks of one version only."""
    remove(connection, tenant, document)
    if new:
        rows = [_row(tenant, document, version, n, chunk) for n, chunk in enumerate(new)]
        connection.execute(insert(chunks), rows)


def remove(connection: Connection, tenant: str, document: str) -> None:
    connection.execute(
        delete(chunks).where(chunks.c.tenant == tenant, chunks.c.document == document)
    )


def of_version(connection: Connection, tenant: str, document: str, version: int) -> list[NewChunk]:
    """In their order; empty when another version has taken this one's place."""
    rows = connection.execute(
        select(chunks)
        .where(
            chunks.c.tenant == tenant, chunks.c.document == document, chunks.c.version == version
        )
        .order_by(chunks.c.ordinal)
    ).all()
    parents = {row.parent for row in rows}
    return [
        NewChunk(
            id=row.id,
            text=row.text,
            start=row.start,
            end=row.end,
            page=row.page,
            parent=row.parent,
            is_parent=row.id in parents,
            metadata=row.metadata,
        )
        for row in rows
    ]


def visible(connection: Connection, tenant: str, ids: Collection[str]) -> dict[str, Found]:
    """Of the given chunks those that a commit made visible; a child comes as its parent."""
    rows = _visible_rows(connection, tenant, ids)
    parents = {row.parent for row in rows.values() if row.parent}
    above = _visible_rows(connection, tenant, parents) if parents else {}
    return {id: _found(above.get(row.parent, row)) for id, row in rows.items()}


def _visible_rows(connection: Connection, tenant: str, ids: Collection[str]) -> dict[str, Row[Any]]:
    rows = connection.execute(
        select(
            chunks,
            documents.c.id.label("document_id"),
            documents.c.data_source,
            documents.c.metadata.label("document_metadata"),
            data_sources.c.spec.label("source_spec"),
        )
        .join(
            documents,
            (documents.c.uid == chunks.c.document) & (documents.c.version == chunks.c.version),
        )
        .join(data_sources, data_sources.c.id == documents.c.data_source)
        .where(chunks.c.tenant == tenant, chunks.c.id.in_(ids))
    )
    return {row.id: row for row in rows}


def _found(row: Row[Any]) -> Found:
    return Found(
        chunk=row.id,
        document=row.document,
        document_id=row.document_id,
        version=row.version,
        data_source=row.data_source,
        source_type=row.source_spec["source"]["type"],
        text=row.text,
        start=row.start,
        end=row.end,
        page=row.page,
        metadata={**row.document_metadata, **row.metadata},
    )


def _row(tenant: str, document: str, version: int, ordinal: int, chunk: NewChunk) -> dict[str, Any]:
    return {
        "id": chunk.id,
        "tenant": tenant,
        "document": document,
        "version": version,
        "ordinal": ordinal,
        "text": chunk.text,
        "start": chunk.start,
        "end": chunk.end,
        "page": chunk.page,
        "parent": chunk.parent,
        "metadata": chunk.metadata,
    }
