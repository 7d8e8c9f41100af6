"""What the job runner asks for: a plan, its steps one by one, an end."""

import asyncio
from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from contracts.search.ingestion import (
    FinishIngestion,
    IngestionPlan,
    IngestionStatus,
    PlanIngestion,
    PlannedStep,
    RunStep,
    Statistics,
)
from kit.auth.principal import Principal
from kit.database import Database
from kit.errors import InvalidRequest, NotFound
from services.search.repository import bases, documents, ingestions
from services.search.service.audit import Auditor
from services.search.service.indexing import Indexing
from services.search.service.preparing import Preparing
from services.search.service.scope import Scope
from services.search.service.scoping import OpenSource, Scoping
from services.search.service.sources import Source, SourceDocument
from services.search.service.versions import Versions

_SAMPLE = 32  # documents that the corpus's mean chunk length is measured on
_OUTGROWN = 4  # times as many documents come as there are: measured anew

MeasureLength = Callable[[Sequence[str], str], float]
"""The mean number of kept tokens of some texts in a language, for BM25."""


class Ingesting:
    """Each call does a bounded piece of work and may be repeated; the claim fences its writes."""

    def __init__(
        self,
        database: Database,
        scoping: Scoping,
        indexing: Indexing,
        preparing: Preparing,
        versions: Versions,
        open_source: OpenSource,
        measure_length: MeasureLength,
        auditor: Auditor,
    ) -> None:
        self._database = database
        self._scoping = scoping
        self._indexing = indexing
        self._preparing = preparing
        self._versions = versions
        self._open_source = open_source
        self._measure_length = measure_length
        self._auditor = auditor

    async def plan(self, who: Principal, ask: PlanIngestion) -> IngestionPlan:
        """What is still to do: a resumed ingestion finds the settled documents settled."""
        scope = await self._scoping.of(who, ask)
        source = self._open_source(who, scope.data_source)
        if ask.documents is not None:
            action = "delete" if ask.delete else "index"
            steps = [PlannedStep(document=id, action=action) for id in ask.documents]
        else:
            steps = await self._differences(scope, source)
        await self._tune(scope, source, [s.document for s in steps if s.action == "index"])
        return IngestionPlan(steps=steps)

    async def step(self, who: Principal, ask: RunStep) -> None:
        scope = await self._scoping.of(who, ask)
        if ask.step.action == "delete":
            await self._indexing.delete(scope, ask.step.document)
        else:
            source = self._open_source(who, scope.data_source)
            await self._indexing.index(scope, source, ask.step.document)

    async def finish(self, who: Principal, ask: FinishIngestion) -> Statistics:
        """Leaves no point behind that is not visible, then tells how it ended."""
        scope = await self._scoping.of(who, ask)
        await self._versions.sweep(scope)
        await self._versions.scrub(scope)
        id = ask.ingestion
        if id is None:
            return Statistics()

        def look(connection: Connection) -> Statistics:
            return ingestions.get(
                connection, who.tenant, ask.knowledge_base, ask.data_source, id
            ).statistics

        def close(connection: Connection) -> None:
            scope.hold(connection)
            status: IngestionStatus = "FAILED" if ask.failure else "COMPLETE"
            if ask.stopped:
                status = "STOPPED"
            ingestions.end(connection, who.tenant, id, status, reason=ask.failure)

        statistics = await self._database.read(look)
        await self._auditor.ingestion_ended(who, ask.data_source, id, statistics)
        await self._database.write(close)
        return statistics

    async def _differences(self, scope: Scope, source: Source) -> list[PlannedStep]:
        """Nothing for an ingestion that has ended: only its job is still to end."""
        if scope.ingestion is not None and not await self._database.read(
            ingestions.is_active, scope.tenant, scope.ingestion
        ):
            return []
        listed = {found.id: found async for found in source.list()}
        known = {
            document.id: document
            for document in await self._database.read(
                documents.known, scope.tenant, scope.data_source.id
            )
        }
        await self._note_scanned(scope, list(listed.values()))
        index = [
            PlannedStep(document=id, action="index")
            for id, found in listed.items()
            if _differs(found, known.get(id), scope.ingestion)
        ]
        # Not "delete": should the source have it again by then, it stays.
        gone = [PlannedStep(document=id, action="index") for id in known if id not in listed]
        return gone + index

    async def _note_scanned(self, scope: Scope, listed: Sequence[SourceDocument]) -> None:
        id = scope.ingestion
        if id is None:
            return

        def note(connection: Connection) -> None:
            scope.hold(connection)
            sidecars = sum(found.metadata_mark is not None for found in listed)
            ingestions.scanned(
                connection, scope.tenant, id, documents=len(listed), sidecars=sidecars
            )

        await self._database.write(note)

    async def _tune(self, scope: Scope, source: Source, ids: Sequence[str]) -> None:
        """Measures the corpus before its points are encoded; again when much more comes."""
        if scope.base.average_length is not None:
            there = await self._database.read(
                bases.indexed_documents, scope.tenant, scope.knowledge_base
            )
            if len(ids) < _OUTGROWN * max(there, 1):
                return
        texts: list[str] = []
        for id in ids[:_SAMPLE]:
            try:
                body = await source.read(id)
                described = self._preparing.describe(scope, id, body)
                chunks = await self._preparing.chunks(scope, body, described)
            except (InvalidRequest, NotFound):
                continue  # its own step will tell the reason
            texts += [chunk.text for chunk in chunks if not chunk.is_parent]
        if texts:
            length = await asyncio.to_thread(self._measure_length, texts, scope.collection.language)
            await self._database.write(
                bases.set_average_length, scope.tenant, scope.knowledge_base, length
            )


def _differs(found: SourceDocument, known: documents.Known | None, ingestion: str | None) -> bool:
    """A document that failed is tried once more by each ingestion, not by each of its attempts."""
    if known is None:
        return True
    if known.status == "FAILED":
        return known.ingestion != ingestion
    return (
        known.status != "INDEXED"
        or found.content_mark != known.content_mark
        or found.metadata_mark != known.metadata_mark
    )
