"""How a document's points and rows change together: noted, written, committed, then cleaned up.

The index has no transactions, so every change writes points of a new version beside the old ones;
the commit of the rows makes them visible, and the ledger tells which points must go. What a crash
leaves behind is invisible, and the next ingestion to finish sweeps it away.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Connection

from kit.database import Database
from kit.errors import PlatformError
from services.search.ports import Index, Metadata, Point, Vectors
from services.search.repository import chunks, documents, points, sessions
from services.search.repository.chunks import NewChunk
from services.search.repository.documents import Known, Marks
from services.search.service.scope import Scope

_POINTS = UUID("8f0c6a52-8a0b-4c1e-9d1c-5b7d2e6f4a10")
_NOTHING: Mapping[str, Any] = {"version": 0, "content_hash": None, "metadata": {}, "chunks": 0}
"""The columns of a document of which nothing is visible."""


@dataclass(frozen=True, slots=True)
class Draft:
    """All of a new version; `vectors` has a row for each chunk that is not a parent."""

    marks: Marks
    content_hash: str
    metadata: Metadata
    chunks: list[NewChunk]
    vectors: Vectors

    @property
    def searched(self) -> list[NewChunk]:
        return [chunk for chunk in self.chunks if not chunk.is_parent]

    def named(self, document: str, version: int) -> "Draft":
        """With ids that no other version has."""

        def name(local: str) -> str:
            return str(uuid5(_POINTS, f"{document}/{version}/{local}"))

        mine = [
            replace(chunk, id=name(chunk.id), parent=chunk.parent and name(chunk.parent))
            for chunk in self.chunks
        ]
        return replace(self, chunks=mine)


class Versions:
    """Every write is fenced, and counted in the transaction that makes it visible.

    Transactions lock the job's row first, then the document's: two attempts never wait for each
    other.
    """

    def __init__(self, database: Database, index: Index) -> None:
        self._database = database
        self._index = index

    async def store(self, scope: Scope, before: Known, draft: Draft) -> None:
        """Takes the place of `before`; raises Conflict when that is no longer the present one."""
        version = secrets.randbits(52) + 1
        draft = draft.named(before.uid, version)
        await self._database.write(_begin, scope, before, version)
        try:
            await self._index.upsert(scope.collection, _points(before.uid, version, draft))
            await self._database.write(_commit, scope, before, version, draft)
        except PlatformError:
            if not await self._database.write(_is_committed_or_condemn, scope, before, version):
                await self._discard(scope, [points.Condemned(before.uid, version)])
                raise
        if before.version:
            await self._discard(scope, [points.Condemned(before.uid, before.version)])

    async def keep(self, scope: Scope, before: Known, marks: Marks) -> None:
        """Nothing of it has changed but perhaps the source's marks."""

        def commit(connection: Connection) -> None:
            scope.hold_open(connection)
            documents.settle(connection, scope.tenant, before, marks, "INDEXED", scope.ingestion)

        await self._database.write(commit)

    async def refuse(self, scope: Scope, before: Known, marks: Marks, reason: str) -> None:
        """FAILED; what was visible of an earlier version stays so."""

        def commit(connection: Connection) -> None:
            scope.hold_open(connection)
            _settle_failed(connection, scope, before, marks, reason)

        await self._database.write(commit)

    async def blank(self, scope: Scope, before: Known, marks: Marks, reason: str) -> None:
        """FAILED for want of text: what an earlier version said has left the source too."""

        def commit(connection: Connection) -> None:
            scope.hold_open(connection)
            _hide(connection, scope, before)
            _settle_failed(connection, scope, before, marks, reason, **_NOTHING)

        await self._database.write(commit)
        await self._clean(scope, before)

    async def hide(self, scope: Scope, before: Known) -> None:
        """The first half of a deletion: no text, session or point of it is left."""

        def commit(connection: Connection) -> None:
            scope.hold(connection)
            _hide(connection, scope, before)
            marks = Marks(None, None)
            documents.settle(
                connection, scope.tenant, before, marks, "DELETING", before.ingestion, **_NOTHING
            )

        await self._database.write(commit)
        await self._clean(scope, before)

    async def remove(self, scope: Scope, before: Known) -> None:
        """The second half: the row, which until now told a resumed deletion to go on."""

        def commit(connection: Connection) -> None:
            scope.hold(connection)
            if documents.remove(connection, scope.tenant, before.uid):
                scope.count(connection, deleted=1)

        await self._database.write(commit)

    async def drop(self, scope: Scope, before: Known) -> None:
        """For a document that never came to an outcome: there is nothing to hide first."""

        def commit(connection: Connection) -> None:
            scope.hold(connection)
            documents.hold(connection, scope.tenant, before)
            points.condemn(connection, scope.tenant, before.uid)
            documents.drop(connection, scope.tenant, before.uid)

        await self._database.write(commit)
        await self._clean(scope, before)

    async def sweep(self, scope: Scope) -> None:
        """Deletes the points of every version that is not visible and that nobody works on."""

        def condemn(connection: Connection) -> list[points.Condemned]:
            scope.hold(connection)
            points.condemn_abandoned(
                connection, scope.tenant, scope.knowledge_base, job=scope.fence.job
            )
            return points.condemned(connection, scope.tenant, scope.knowledge_base)

        await self._discard(scope, await self._database.write(condemn))

    async def scrub(self, scope: Scope) -> None:
        """After `sweep`: leaves no bytes of what was deleted in the files of either store."""
        await self._index.scrub(scope.collection.name)
        await self._database.scrub()

    async def _clean(self, scope: Scope, before: Known) -> None:
        """Only condemned versions: another job may be writing the document anew."""
        gone = await self._database.read(
            points.condemned, scope.tenant, scope.knowledge_base, document=before.uid
        )
        await self._discard(scope, gone)

    async def _discard(self, scope: Scope, gone: Sequence[points.Condemned]) -> None:
        for one in gone:
            await self._index.delete(scope.collection.name, one.document, one.version)
        if gone:
            await self._database.write(points.forget, scope.tenant, gone)


def _begin(connection: Connection, scope: Scope, before: Known, version: int) -> None:
    scope.hold_open(connection)
    documents.hold(connection, scope.tenant, before)
    points.begin(
        connection,
        scope.tenant,
        scope.knowledge_base,
        before.uid,
        version=version,
        committed=before.version,
        held=scope.fence,
    )


def _commit(
    connection: Connection, scope: Scope, before: Known, version: int, draft: Draft
) -> None:
    """Makes `version` the visible one; what was said of the old text in sessions is forgotten."""
    scope.hold_open(connection)
    documents.hold(connection, scope.tenant, before)
    points.commit(connection, scope.tenant, before.uid, version=version, replaces=before.version)
    chunks.replace_all(connection, scope.tenant, before.uid, version, draft.chunks)
    new = {
        "version": version,
        "content_hash": draft.content_hash,
        "metadata": draft.metadata,
        "chunks": len(draft.searched),
    }
    documents.settle(
        connection, scope.tenant, before, draft.marks, "INDEXED", scope.ingestion, **new
    )
    other_text = before.content_hash != draft.content_hash
    if other_text:
        sessions.forget(connection, scope.tenant, before.uid)
    known = bool(before.version)
    scope.count(
        connection,
        new=int(not known),
        modified=int(known and other_text),
        metadata_modified=int(known and before.metadata != draft.metadata),
    )


def _is_committed_or_condemn(
    connection: Connection, scope: Scope, before: Known, version: int
) -> bool:
    """A COMMIT whose answer got lost may have arrived."""
    if documents.version_of(connection, scope.tenant, before.uid) == version:
        return True
    points.condemn(connection, scope.tenant, before.uid, version=version)
    return False


def _hide(connection: Connection, scope: Scope, before: Known) -> None:
    documents.hold(connection, scope.tenant, before)
    chunks.remove(connection, scope.tenant, before.uid)
    sessions.forget(connection, scope.tenant, before.uid)
    points.condemn(connection, scope.tenant, before.uid)


def _settle_failed(
    connection: Connection,
    scope: Scope,
    before: Known,
    marks: Marks,
    reason: str,
    **values: Any,
) -> None:
    documents.settle(
        connection,
        scope.tenant,
        before,
        marks,
        "FAILED",
        scope.ingestion,
        **{"reason": reason[:2048], **values},
    )
    scope.count(connection, reason=f"{before.id}: {reason}", failed=1)


def _points(document: str, version: int, draft: Draft) -> list[Point]:
    return [
        Point(
            id=chunk.id,
            vector=vector,
            text=chunk.text,
            document=document,
            version=version,
            metadata={**draft.metadata, **chunk.metadata},
        )
        for chunk, vector in zip(draft.searched, draft.vectors, strict=True)
    ]
