"""Rows of documents and their chunks; each function is a step of a fenced transaction."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from contracts.search.ingestion import Document
from kit.database import clock, insert_or_ignore
from kit.errors import Conflict, NotFound
from kit.identifiers import row_id
from services.search.ports import Metadata
from services.search.repository import points as point_rows
from services.search.repository.tables import chunks, documents, turn_documents, turns


@dataclass(frozen=True, slots=True)
class Known:
    """A document as the last commit left it; `version` 0 is one that has never been indexed."""

    uid: str
    id: str
    version: int
    content_hash: str | None
    metadata: Metadata
    status: str
    content_mark: str | None
    metadata_mark: str | None
    ingestion: str | None


@dataclass(frozen=True, slots=True)
class Marks:
    """What the source says of its content and sidecar (ETags); equal marks mean equal bytes."""

    content: str
    metadata: str | None


@dataclass(frozen=True, slots=True)
class NewChunk:
    """`id` is also the point's; a `parent` is another chunk, which has no point of its own."""

    id: str
    text: str
    start: int
    end: int
    page: int | None = None
    parent: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """A visible chunk, with its document."""

    chunk: str
    document: str
    document_id: str
    data_source: str
    text: str
    start: int
    end: int
    page: int | None
    metadata: dict[str, Any]


def known(connection: Connection, tenant: str, data_source: str) -> list[Known]:
    """Every document of a data source, in the order of their ids."""
    rows = connection.execute(
        select(documents)
        .where(documents.c.tenant == tenant, documents.c.data_source == data_source)
        .order_by(documents.c.id)
    )
    return [_known(row) for row in rows]


def find(connection: Connection, tenant: str, data_source: str, id: str) -> Known | None:
    row = connection.execute(
        select(documents).where(
            documents.c.tenant == tenant,
            documents.c.data_source == data_source,
            documents.c.id == id,
        )
    ).one_or_none()
    return _known(row) if row is not None else None


def ensure(
    connection: Connection, tenant: str, knowledge_base: str, data_source: str, id: str
) -> Known:
    """The document's row, made on first sight."""
    connection.execute(
        insert_or_ignore(connection, documents).values(
            uid=row_id(),
            tenant=tenant,
            knowledge_base=knowledge_base,
            data_source=data_source,
            id=id,
            version=0,
            metadata={},
            status="PENDING",
            chunks=0,
            updated_at=clock(connection),
        )
    )
    document = find(connection, tenant, data_source, id)
    if document is None:
        raise NotFound(f"Document {id} does not exist.")
    return document


def commit_version(
    connection: Connection,
    tenant: str,
    before: Known,
    *,
    version: int,
    marks: Marks,
    content_hash: str,
    metadata: Metadata,
    new_chunks: Sequence[NewChunk],
    points: int,
    ingestion: str | None,
) -> None:
    """Makes `version` the visible one; what was said of the old text in sessions is forgotten."""
    point_rows.commit(connection, tenant, before.uid, version=version, replaces=before.version)
    connection.execute(delete(chunks).where(chunks.c.tenant == tenant, _of(before.uid)))
    if new_chunks:
        connection.execute(
            insert(chunks),
            [_chunk_row(tenant, before.uid, version, n, c) for n, c in enumerate(new_chunks)],
        )
    settled = {"version": version, "content_hash": content_hash, "chunks": points}
    _settle(connection, tenant, before, marks, "INDEXED", ingestion, metadata=metadata, **settled)
    if before.content_hash != content_hash:
        forget_turns(connection, tenant, before.uid)


def commit_metadata(
    connection: Connection,
    tenant: str,
    before: Known,
    *,
    marks: Marks,
    metadata: Metadata,
    ingestion: str | None,
) -> None:
    """For content that is the same: new attributes, or only new marks."""
    _settle(connection, tenant, before, marks, "INDEXED", ingestion, metadata=metadata)


def commit_failure(
    connection: Connection,
    tenant: str,
    before: Known,
    *,
    marks: Marks,
    reason: str,
    ingestion: str | None,
) -> None:
    """Marks the document FAILED; what was visible of an earlier version stays so."""
    _settle(connection, tenant, before, marks, "FAILED", ingestion, reason=reason[:2048])


def hide(connection: Connection, tenant: str, before: Known) -> None:
    """The first half of a deletion: text and sessions go at once, the vectors follow."""
    connection.execute(delete(chunks).where(chunks.c.tenant == tenant, _of(before.uid)))
    forget_turns(connection, tenant, before.uid)
    point_rows.condemn(connection, tenant, before.uid)
    gone = {"version": 0, "metadata": {}, "content_hash": None}
    _settle(connection, tenant, before, Marks("", None), "DELETING", before.ingestion, **gone)


def remove(connection: Connection, tenant: str, uid: str) -> None:
    """The second half, once the vectors are gone."""
    connection.execute(
        delete(documents).where(documents.c.tenant == tenant, documents.c.uid == uid)
    )


def mark(
    connection: Connection, tenant: str, data_source: str, ids: Collection[str], status: str
) -> None:
    connection.execute(
        update(documents)
        .where(
            documents.c.tenant == tenant,
            documents.c.data_source == data_source,
            documents.c.id.in_(ids),
        )
        .values(status=status, reason=None, updated_at=clock(connection))
    )


def forget_turns(connection: Connection, tenant: str, uid: str) -> None:
    """Erases every remembered turn that this document was a source of, and those after it.

    A later turn was asked with the earlier ones in its prompt, so it may repeat them.
    """
    sources = turn_documents.c
    first = (
        select(sources.session, func.min(sources.seq).label("seq"))
        .where(sources.tenant == tenant, sources.document == uid)
        .group_by(sources.session)
    )
    for row in connection.execute(first).all():
        for table in (turns, turn_documents):
            connection.execute(
                delete(table).where(table.c.session == row.session, table.c.seq >= row.seq)
            )


def visible(connection: Connection, tenant: str, ids: Collection[str]) -> dict[str, Found]:
    """Of the given chunks those that a commit made visible; a child comes as its parent."""
    rows = _visible_rows(connection, tenant, ids)
    parents = {row.parent for row in rows.values() if row.parent}
    above = _visible_rows(connection, tenant, parents) if parents else {}
    return {id: _found(id, above.get(row.parent, row)) for id, row in rows.items()}


def get(
    connection: Connection, tenant: str, data_source: str, ids: Collection[str]
) -> list[Document]:
    """In the order asked for; one that is not there has the status NOT_FOUND."""
    rows = connection.execute(
        select(documents).where(
            documents.c.tenant == tenant,
            documents.c.data_source == data_source,
            documents.c.id.in_(ids),
        )
    )
    by_id = {row.id: _document(row) for row in rows}
    return [by_id.get(id, Document(id=id, status="NOT_FOUND")) for id in ids]


def page(
    connection: Connection, tenant: str, data_source: str, limit: int, after: str
) -> list[Document]:
    rows = connection.execute(
        select(documents)
        .where(
            documents.c.tenant == tenant,
            documents.c.data_source == data_source,
            documents.c.id > after,
        )
        .order_by(documents.c.id)
        .limit(limit)
    )
    return [_document(row) for row in rows]


def _settle(
    connection: Connection,
    tenant: str,
    before: Known,
    marks: Marks,
    status: str,
    ingestion: str | None,
    **values: Any,
) -> None:
    settled = {"reason": None, **values}
    changed = connection.execute(
        update(documents)
        .where(
            documents.c.tenant == tenant,
            documents.c.uid == before.uid,
            documents.c.version == before.version,
        )
        .values(
            status=status,
            ingestion=ingestion,
            content_mark=marks.content,
            metadata_mark=marks.metadata,
            updated_at=clock(connection),
            **settled,
        )
    )
    if changed.rowcount == 0:
        raise Conflict(f"Another ingestion changed {before.id} meanwhile; it is taken up again.")


def _visible_rows(connection: Connection, tenant: str, ids: Collection[str]) -> dict[str, Row[Any]]:
    rows = connection.execute(
        select(
            chunks,
            documents.c.id.label("document_id"),
            documents.c.data_source,
            documents.c.metadata.label("document_metadata"),
        )
        .join(
            documents,
            (documents.c.uid == chunks.c.document) & (documents.c.version == chunks.c.version),
        )
        .where(chunks.c.tenant == tenant, chunks.c.id.in_(ids))
    )
    return {row.id: row for row in rows}


def _found(asked: str, row: Row[Any]) -> Found:
    return Found(
        chunk=row.id,
        document=row.document,
        document_id=row.document_id,
        data_source=row.data_source,
        text=row.text,
        start=row.start,
        end=row.end,
        page=row.page,
        metadata={**row.document_metadata, **row.metadata},
    )


def _of(uid: str) -> Any:
    return chunks.c.document == uid


def _chunk_row(
    tenant: str, document: str, version: int, ordinal: int, chunk: NewChunk
) -> dict[str, Any]:
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


def _known(row: Row[Any]) -> Known:
    return Known(
        uid=row.uid,
        id=row.id,
        version=row.version,
        content_hash=row.content_hash,
        metadata=row.metadata,
        status=row.status,
        content_mark=row.content_mark,
        metadata_mark=row.metadata_mark,
        ingestion=row.ingestion,
    )


def _document(row: Row[Any]) -> Document:
    return Document(
        id=row.id,
        status=row.status,
        reason=row.reason,
        updated_at=row.updated_at,
        chunks=row.chunks,
    )
