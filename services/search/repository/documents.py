"""Rows of documents; each function is a step of a transaction that its caller fences."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, select, update

from contracts.search.ingestion import Document, DocumentStatus
from kit.database import clock, insert_or_ignore
from kit.errors import Conflict, NotFound
from kit.identifiers import row_id
from services.search.ports import Metadata
from services.search.repository.tables import documents


@dataclass(frozen=True, slots=True)
class Known:
    """A document as the last commit left it; `version` 0 is one that has nothing visible."""

    uid: str
    id: str
    version: int
    content_hash: str | None
    metadata: Metadata
    status: str
    content_mark: str | None
    metadata_mark: str | None
    ingestion: str | None
    request: str | None

    @property
    def was_settled(self) -> bool:
        """Whether its owner has ever seen an outcome; deleting anything else deletes nothing."""
        return bool(self.version) or self.status in ("INDEXED", "FAILED", "DELETING")


@dataclass(frozen=True, slots=True)
class Marks:
    """What the source says of its content and sidecar (ETags); equal marks mean equal bytes."""

    content: str | None
    metadata: str | None


def known(connection: Connection, tenant: str, data_source: str) -> list[Known]:
    """Every document of a data source, in the order of their ids."""
    rows = connection.execute(
        select(documents).where(_in(tenant, data_source)).order_by(documents.c.id)
    )
    return [_known(row) for row in rows]


def some(connection: Connection, tenant: str, data_source: str, limit: int) -> list[Known]:
    rows = connection.execute(select(documents).where(_in(tenant, data_source)).limit(limit))
    return [_known(row) for row in rows]


def find(connection: Connection, tenant: str, data_source: str, id: str) -> Known | None:
    row = connection.execute(
        select(documents).where(_in(tenant, data_source), documents.c.id == id)
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


def hold(connection: Connection, tenant: str, before: Known) -> None:
    """Keeps others off the row until the transaction ends; Conflict when they were faster."""
    if version_of(connection, tenant, before.uid) != before.version:
        raise _overtaken(before)


def version_of(connection: Connection, tenant: str, uid: str) -> int | None:
    """The committed version, which stays so until the transaction ends."""
    return connection.execute(
        select(documents.c.version)
        .where(documents.c.tenant == tenant, documents.c.uid == uid)
        .with_for_update()
    ).scalar_one_or_none()


def settle(
    connection: Connection,
    tenant: str,
    before: Known,
    marks: Marks,
    status: DocumentStatus,
    ingestion: str | None,
    **values: Any,
) -> None:
    """The document's new state; raises Conflict when another commit came in between."""
    changed = connection.execute(
        update(documents)
        .where(
            documents.c.tenant == tenant,
            documents.c.uid == before.uid,
            documents.c.version == before.version,
        )
        .values(
            {
                "status": status,
                "reason": None,
                "ingestion": ingestion,
                "content_mark": marks.content,
                "metadata_mark": marks.metadata,
                "updated_at": clock(connection),
                **values,
            }
        )
    )
    if changed.rowcount == 0:
        raise _overtaken(before)


def remove(connection: Connection, tenant: str, uid: str) -> bool:
    """Whether there was a hidden document to remove; one indexed again meanwhile stays."""
    gone = connection.execute(
        delete(documents).where(
            documents.c.tenant == tenant,
            documents.c.uid == uid,
            documents.c.version == 0,
            documents.c.status == "DELETING",
        )
    )
    return gone.rowcount > 0


def drop(connection: Connection, tenant: str, uid: str) -> None:
    connection.execute(
        delete(documents).where(documents.c.tenant == tenant, documents.c.uid == uid)
    )


def request(
    connection: Connection,
    tenant: str,
    data_source: str,
    ids: Collection[str],
    *,
    status: DocumentStatus,
    job: str,
) -> None:
    """Notes that this job is the latest to be asked for these documents."""
    connection.execute(
        update(documents)
        .where(_in(tenant, data_source), documents.c.id.in_(ids))
        .values(status=status, reason=None, request=job, updated_at=clock(connection))
    )


def unfinished(connection: Connection, tenant: str, data_source: str) -> dict[str, list[str]]:
    """The ids of documents that a direct request has yet to settle, by the request's job."""
    waiting = connection.execute(
        select(documents.c.request, documents.c.id).where(
            _in(tenant, data_source),
            documents.c.request.is_not(None),
            documents.c.status.in_(("STARTING", "DELETING")),
        )
    )
    by_job: dict[str, list[str]] = {}
    for job, id in waiting:
        by_job.setdefault(job, []).append(id)
    return by_job


def fail(
    connection: Connection, tenant: str, data_source: str, ids: Collection[str], reason: str
) -> None:
    connection.execute(
        update(documents)
        .where(_in(tenant, data_source), documents.c.id.in_(ids))
        .values(status="FAILED", reason=reason, updated_at=clock(connection))
    )


def get(
    connection: Connection, tenant: str, data_source: str, ids: Collection[str]
) -> list[Document]:
    """In the order asked for; one that is not there has the status NOT_FOUND."""
    rows = connection.execute(
        select(documents).where(_in(tenant, data_source), documents.c.id.in_(ids))
    )
    by_id = {row.id: _document(row) for row in rows}
    return [by_id.get(id, Document(id=id, status="NOT_FOUND")) for id in ids]


def page(
    connection: Connection, tenant: str, data_source: str, limit: int, after: str
) -> list[Document]:
    rows = connection.execute(
        select(documents)
        .where(_in(tenant, data_source), documents.c.id > after)
        .order_by(documents.c.id)
        .limit(limit)
    )
    return [_document(row) for row in rows]


def _in(tenant: str, data_source: str) -> ColumnElement[bool]:
    return (documents.c.tenant == tenant) & (documents.c.data_source == data_source)


def _overtaken(before: Known) -> Conflict:
    return Conflict(f"Another job changed {before.id} meanwhile; it is taken up again.")


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
        request=row.request,
    )


def _document(row: Row[Any]) -> Document:
    return Document(
        id=row.id,
        status=row.status,
        reason=row.reason,
        updated_at=row.updated_at,
        chunks=row.chunks,
    )
