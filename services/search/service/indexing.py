"""One document brought in line with its source: taken in, changed, refused or taken out."""

import numpy as np
from sqlalchemy import Connection

from kit.database import Database
from kit.errors import Conflict, InvalidRequest, NotFound
from services.search.ports import Index, NoText, Vectors
from services.search.repository import chunks, documents
from services.search.repository.chunks import NewChunk
from services.search.repository.documents import Known, Marks
from services.search.service.audit import Auditor
from services.search.service.embedding import Embedding
from services.search.service.preparing import Described, Preparing
from services.search.service.scope import Scope
from services.search.service.sources import Source, SourceBody
from services.search.service.versions import Draft, Versions


class Indexing:
    """Both steps may be repeated at will: they look at the source, never at what was planned."""

    def __init__(
        self,
        database: Database,
        index: Index,
        embedding: Embedding,
        preparing: Preparing,
        versions: Versions,
        auditor: Auditor,
    ) -> None:
        self._database = database
        self._index = index
        self._embedding = embedding
        self._preparing = preparing
        self._versions = versions
        self._auditor = auditor

    async def index(self, scope: Scope, source: Source, id: str) -> None:
        """Takes the document's present content in; a refused one is FAILED with the reason."""
        before = await self._database.write(self._enter, scope, id)
        if _is_superseded(scope, before):
            return
        marks = Marks(before.content_mark, before.metadata_mark)
        try:
            found = await source.look(id)  # first: what is read is at least as new as the marks
            marks = Marks(found.content_mark, found.metadata_mark)
            body = await source.read(id)
        except NotFound:
            await self.erase(scope, before)
            return
        except InvalidRequest as refusal:
            await self._versions.refuse(scope, before, marks, refusal.message)
            return
        try:
            await self._take(scope, before, marks, body)
        except NoText as empty:
            await self._versions.blank(scope, before, marks, empty.message)
        except InvalidRequest as refusal:
            await self._versions.refuse(scope, before, marks, refusal.message)

    async def delete(self, scope: Scope, id: str) -> None:
        """Takes a document out, whether or not the source still has it."""
        before = await self._database.read(documents.find, scope.tenant, scope.data_source.id, id)
        if before is not None and not _is_superseded(scope, before):
            await self.erase(scope, before)

    def _enter(self, connection: Connection, scope: Scope, id: str) -> Known:
        """Read before the source is, so that whoever reads it later wins."""
        scope.hold_open(connection)
        return documents.ensure(
            connection, scope.tenant, scope.knowledge_base, scope.data_source.id, id
        )

    async def erase(self, scope: Scope, before: Known) -> None:
        """In the audit log before the last trace of it goes: a crash repeats the entry at most."""
        if not before.was_settled:
            await self._versions.drop(scope, before)
            return
        await self._versions.hide(scope, before)
        await self._auditor.document_erased(scope.who, scope.data_source, before.id)
        await self._versions.remove(scope, before)

    async def _take(self, scope: Scope, before: Known, marks: Marks, body: SourceBody) -> None:
        described = self._preparing.describe(scope, before.id, body)
        if not before.version or described.content_hash != before.content_hash:
            new = await self._preparing.chunks(scope, body, described)
            vectors = await self._embed(scope, [one for one in new if not one.is_parent])
        elif described.metadata != before.metadata:
            new, vectors = await self._unchanged(scope, before)
        else:
            await self._versions.keep(scope, before, marks)
            return
        if before.version:
            await self._auditor.document_replaced(scope.who, scope.data_source, before.id)
        await self._versions.store(scope, before, _draft(marks, described, new, vectors))

    async def _unchanged(self, scope: Scope, before: Known) -> tuple[list[NewChunk], Vectors]:
        """The chunks of the present version with their vectors, which only need new attributes."""
        present = await self._database.read(
            chunks.of_version, scope.tenant, before.uid, before.version
        )
        searched = [chunk for chunk in present if not chunk.is_parent]
        if not searched:
            raise Conflict(f"Another job changed {before.id} meanwhile; it is taken up again.")
        held = await self._index.vectors(scope.collection.name, [chunk.id for chunk in searched])
        if len(held) < len(searched):  # the index was lost, or made anew
            return present, await self._embed(scope, searched)
        return present, np.stack([held[chunk.id] for chunk in searched])

    async def _embed(self, scope: Scope, searched: list[NewChunk]) -> Vectors:
        return await self._embedding.document_vectors(
            scope.base.model, [chunk.text for chunk in searched]
        )


def _is_superseded(scope: Scope, before: Known) -> bool:
    """Of two direct requests for a document the later one decides; a sync follows the source."""
    return scope.ingestion is None and before.request not in (None, scope.fence.job)


def _draft(marks: Marks, described: Described, new: list[NewChunk], vectors: Vectors) -> Draft:
    return Draft(marks, described.content_hash, described.metadata, new, vectors)
