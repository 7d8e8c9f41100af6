"""One document into, or out of, what can be found: the steps that an ingestion is made of."""

import hashlib
import secrets
from dataclasses import dataclass
from uuid import UUID, uuid5

from sqlalchemy import Connection

from contracts.search.ingestion import Fence
from contracts.search.knowledge_bases import DataSource
from kit.auth.principal import Principal
from kit.database import Database
from kit.errors import InvalidRequest, NotFound, PlatformError
from kit.jobs.fence import fence
from services.search.ports import (
    Chunk,
    CollectionSpec,
    Index,
    Metadata,
    ParsedDocument,
    Parser,
    Point,
)
from services.search.repository import documents as rows
from services.search.repository import ingestions, points
from services.search.repository.knowledge_bases import Base
from services.search.service.audit import Auditor
from services.search.service.chunking.chunker import chunk_document
from services.search.service.chunking.strategy import parse_strategy
from services.search.service.embedding import Embedding
from services.search.service.sidecars import Sidecar, parse_sidecar
from services.search.service.sources import Source, SourceBody

SOURCE_URI = "x-amz-bedrock-kb-source-uri"
DATA_SOURCE = "x-amz-bedrock-kb-data-source-id"
PAGE = "x-amz-bedrock-kb-document-page-number"
_POINTS = UUID("8f0c6a52-8a0b-4c1e-9d1c-5b7d2e6f4a10")


@dataclass(frozen=True, slots=True)
class Scope:
    """On whose behalf a step runs, and the claim that its writes are fenced by."""

    who: Principal
    base: Base
    data_source: DataSource
    collection: CollectionSpec
    ingestion: str | None
    fence: Fence


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document read, parsed and cut; nothing of it is stored yet."""

    metadata: Metadata
    text: str
    chunks: list[Chunk]


class Indexing:
    """Every write is fenced and counted in the transaction that makes it visible."""

    def __init__(
        self,
        database: Database,
        index: Index,
        embedding: Embedding,
        parser: Parser,
        auditor: Auditor,
    ) -> None:
        self._database = database
        self._index = index
        self._embedding = embedding
        self._parser = parser
        self._auditor = auditor

    async def index(self, scope: Scope, source: Source, id: str) -> None:
        """Takes the document's present content in; a refused one is FAILED with the reason."""
        before = await self._database.write(
            rows.ensure, scope.who.tenant, scope.base.shown.id, scope.data_source.id, id
        )
        try:
            found = await source.look(id)
            marks = rows.Marks(found.content_mark, found.metadata_mark)
            body = await source.read(id)
        except NotFound:
            await self.delete(scope, before)
            return
        content_hash = _digest(body)
        try:
            if content_hash == before.content_hash and before.version:
                await self._change_metadata(scope, before, marks, body)
                return
            prepared = await self.prepare(scope, id, body)
        except InvalidRequest as refusal:
            await self._refuse(scope, before, marks, refusal.message)
            return
        await self._store(scope, before, marks, content_hash, prepared)

    async def prepare(self, scope: Scope, id: str, body: SourceBody) -> Prepared:
        """Raises InvalidRequest with a reason that the document's owner understands."""
        sidecar = _attributes(scope, id, body)
        parsed = await self._parser.parse(body.body, name=body.name, records=sidecar.records)
        return Prepared(sidecar.metadata, parsed.text, await self._chunks(scope, parsed))

    async def delete(self, scope: Scope, before: rows.Known) -> None:
        """Text and sessions go with the first commit; the row stays until the vectors are gone."""

        def hide(connection: Connection) -> None:
            self._hold(connection, scope)
            rows.hide(connection, scope.who.tenant, before)

        def remove(connection: Connection) -> None:
            self._hold(connection, scope)
            for gone in points.condemned(connection, scope.who.tenant, scope.base.shown.id):
                if gone.document == before.uid:
                    points.forget(connection, scope.who.tenant, gone)
            rows.remove(connection, scope.who.tenant, before.uid)
            self._count(connection, scope, deleted=1)

        await self._database.write(hide)
        await self._index.delete(scope.collection.name, before.uid)
        await self._database.write(remove)
        await self._auditor.document_erased(scope.who, scope.data_source, before.id)

    async def sweep(self, tenant: str, knowledge_base: str) -> None:
        """Deletes the points of every condemned version, whoever left them behind."""
        for gone in await self._database.read(points.condemned, tenant, knowledge_base):
            await self._index.delete(knowledge_base, gone.document, gone.version)
            await self._database.write(points.forget, tenant, gone)

    async def _store(
        self,
        scope: Scope,
        before: rows.Known,
        marks: rows.Marks,
        content_hash: str,
        prepared: Prepared,
    ) -> None:
        tenant, version = scope.who.tenant, secrets.randbits(52) + 1
        new = _rows_of(before.uid, version, prepared)
        searched = new[: len(prepared.chunks)]
        vectors = await self._embedding.chunk_vectors(
            scope.base.model, [chunk.text for chunk in searched]
        )

        def begin(connection: Connection) -> None:
            self._hold(connection, scope)
            points.begin(
                connection,
                tenant,
                scope.base.shown.id,
                before.uid,
                version=version,
                committed=before.version,
            )

        def commit(connection: Connection) -> None:
            self._hold(connection, scope)
            rows.commit_version(
                connection,
                tenant,
                before,
                version=version,
                marks=marks,
                content_hash=content_hash,
                metadata=prepared.metadata,
                new_chunks=new,
                points=len(searched),
                ingestion=scope.ingestion,
            )
            known = bool(before.version)
            self._count(connection, scope, modified=int(known), new=int(not known))

        await self._database.write(begin)
        try:
            await self._index.upsert(
                scope.collection,
                [
                    Point(
                        id=chunk.id,
                        vector=vector,
                        text=chunk.text,
                        document=before.uid,
                        version=version,
                        metadata={**prepared.metadata, **chunk.metadata},
                    )
                    for chunk, vector in zip(searched, vectors, strict=True)
                ],
            )
            await self._database.write(commit)
        except PlatformError:
            await self._database.write(points.condemn, tenant, before.uid, version=version)
            await self._index.delete(scope.collection.name, before.uid, version)
            raise
        if before.version:
            await self._index.delete(scope.collection.name, before.uid, before.version)
            await self._database.write(
                points.forget, tenant, points.Condemned(before.uid, before.version)
            )

    async def _change_metadata(
        self, scope: Scope, before: rows.Known, marks: rows.Marks, body: SourceBody
    ) -> None:
        """The content is the same: its vectors stay, its attributes are replaced."""
        sidecar = _attributes(scope, before.id, body)
        metadata = sidecar.metadata
        if sidecar.records is not None and marks.metadata != before.metadata_mark:
            prepared = await self.prepare(scope, before.id, body)  # chunks carry attributes too
            await self._store(scope, before, marks, _digest(body), prepared)
            return
        changed = metadata != before.metadata
        if changed:
            await self._index.set_metadata(
                scope.collection.name, before.uid, before.version, metadata, before.version
            )

        def commit(connection: Connection) -> None:
            self._hold(connection, scope)
            rows.commit_metadata(
                connection,
                scope.who.tenant,
                before,
                marks=marks,
                metadata=metadata,
                ingestion=scope.ingestion,
            )
            if changed:
                self._count(connection, scope, metadata_modified=1)

        await self._database.write(commit)

    async def _refuse(
        self, scope: Scope, before: rows.Known, marks: rows.Marks, reason: str
    ) -> None:
        def commit(connection: Connection) -> None:
            self._hold(connection, scope)
            rows.commit_failure(
                connection,
                scope.who.tenant,
                before,
                marks=marks,
                reason=reason,
                ingestion=scope.ingestion,
            )
            self._count(connection, scope, reason=f"{before.id}: {reason}", failed=1)

        await self._database.write(commit)

    async def _chunks(self, scope: Scope, parsed: ParsedDocument) -> list[Chunk]:
        embedder = await self._embedding.embedder(scope.base.model)
        strategy = parse_strategy(scope.data_source.spec.chunking)
        chunks = await chunk_document(parsed, strategy, embedder)
        if not chunks:
            raise InvalidRequest("There is no text in this document.")
        return chunks

    def _hold(self, connection: Connection, scope: Scope) -> None:
        fence(connection, scope.fence.job, scope.fence.epoch)

    def _count(
        self, connection: Connection, scope: Scope, *, reason: str | None = None, **more: int
    ) -> None:
        if scope.ingestion is not None:
            ingestions.count(connection, scope.who.tenant, scope.ingestion, reason=reason, **more)


def _attributes(scope: Scope, id: str, body: SourceBody) -> Sidecar:
    own = parse_sidecar(body.sidecar) if body.sidecar is not None else Sidecar({}, None)
    metadata = {**own.metadata, SOURCE_URI: id, DATA_SOURCE: scope.data_source.id}
    return own._replace(metadata=metadata)


def _rows_of(document: str, version: int, prepared: Prepared) -> list[rows.NewChunk]:
    """The searched chunks in their order, then the parents that they are returned as."""

    def name(what: str) -> str:
        return str(uuid5(_POINTS, f"{document}/{version}/{what}"))

    parents: dict[tuple[int, int], str] = {}
    for chunk in prepared.chunks:
        if chunk.parent is not None:
            parents.setdefault(chunk.parent, name(f"parent/{len(parents)}"))
    searched = [
        rows.NewChunk(
            id=name(str(n)),
            text=chunk.text,
            start=chunk.start,
            end=chunk.end,
            page=chunk.page,
            parent=parents[chunk.parent] if chunk.parent is not None else None,
            metadata={**chunk.metadata, **_page(chunk.page)},
        )
        for n, chunk in enumerate(prepared.chunks)
    ]
    return searched + [
        rows.NewChunk(id=id, text=prepared.text[slice(*span)], start=span[0], end=span[1])
        for span, id in parents.items()
    ]


def _page(number: int | None) -> Metadata:
    return {} if number is None else {PAGE: float(number)}


def _digest(body: SourceBody) -> str:
    """Of the content alone: a new sidecar means no new embedding."""
    return hashlib.sha256(body.body).hexdigest()
