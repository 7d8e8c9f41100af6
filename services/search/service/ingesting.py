"""What the job runner asks for: a plan, its steps one by one, an end, and removals."""

import asyncio
from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from contracts.search.ingestion import (
    Fence,
    FinishIngestion,
    IngestionPlan,
    IngestionStatus,
    PlanIngestion,
    PlannedStep,
    RemoveResources,
    RunStep,
    Statistics,
)
from contracts.search.knowledge_bases import DataSource
from kit.auth.principal import Principal
from kit.database import Database
from kit.errors import InvalidRequest, NotFound
from kit.jobs.fence import fence
from services.search.ports import CollectionSpec, Index
from services.search.repository import documents, ingestions, removal
from services.search.repository import knowledge_bases as bases
from services.search.service.audit import Auditor
from services.search.service.embedding import Embedding
from services.search.service.indexing import Indexing, Scope
from services.search.service.knowledge_bases import collection_of
from services.search.service.sources import Source, SourceDocument

_SAMPLE = 32  # documents that the corpus's mean chunk length is measured on

OpenSource = Callable[[Principal, DataSource], Source]
MeasureLength = Callable[[Sequence[str], str], float]
"""The mean number of kept tokens of some texts in a language, for BM25."""


class Ingesting:
    """Each call does a bounded piece of work and may be repeated; the claim fences its writes."""

    def __init__(
        self,
        database: Database,
        index: Index,
        indexing: Indexing,
        embedding: Embedding,
        open_source: OpenSource,
        measure_length: MeasureLength,
        auditor: Auditor,
    ) -> None:
        self._database = database
        self._index = index
        self._indexing = indexing
        self._embedding = embedding
        self._open_source = open_source
        self._measure_length = measure_length
        self._auditor = auditor

    async def plan(self, who: Principal, ask: PlanIngestion) -> IngestionPlan:
        """What is still to do: a resumed ingestion finds the settled documents settled."""
        scope = await self._scope(
            who, ask.knowledge_base, ask.data_source, ask.ingestion, ask.fence
        )
        source = self._open_source(who, scope.data_source)
        if ask.documents is not None:
            steps = await self._named_steps(scope, ask.documents, delete=ask.delete)
        else:
            steps = await self._differences(scope, source)
        if scope.base.average_length is None:
            await self._tune(scope, source, [s.document for s in steps if s.action == "index"])
        return IngestionPlan(steps=steps)

    async def step(self, who: Principal, ask: RunStep) -> None:
        scope = await self._scope(
            who, ask.knowledge_base, ask.data_source, ask.ingestion, ask.fence
        )
        if ask.step.action != "delete":
            source = self._open_source(who, scope.data_source)
            await self._indexing.index(scope, source, ask.step.document)
            return
        known = await self._database.read(
            documents.find, who.tenant, ask.data_source, ask.step.document
        )
        if known is not None:
            await self._indexing.delete(scope, known)

    async def finish(self, who: Principal, ask: FinishIngestion) -> Statistics:
        """Leaves no point behind that is not visible, then tells how it ended."""
        await self._indexing.sweep(who.tenant, ask.knowledge_base)
        ingestion = ask.ingestion
        if ingestion is None:
            return Statistics()

        def close(connection: Connection) -> Statistics:
            fence(connection, ask.fence.job, ask.fence.epoch)
            status: IngestionStatus = "FAILED" if ask.failure else "COMPLETE"
            if ask.stopped:
                status = "STOPPED"
            ingestions.count(connection, who.tenant, ingestion, reason=ask.failure)
            ingestions.set_status(connection, who.tenant, ingestion, status)
            return ingestions.get(
                connection, who.tenant, ask.knowledge_base, ask.data_source, ingestion
            ).statistics

        statistics = await self._database.write(close)
        await self._auditor.ingestion_ended(who, ask.data_source, ingestion, statistics)
        return statistics

    async def remove(self, who: Principal, ask: RemoveResources) -> None:
        """The end of a deletion; a second call finds nothing and is content."""
        if ask.data_source is None:
            await self._index.drop(ask.knowledge_base)
            await self._database.write(self._fenced(ask.fence, removal.base), who, ask)
        else:
            scope = await self._scope(who, ask.knowledge_base, ask.data_source, None, ask.fence)
            if scope.data_source.spec.deletion_policy == "DELETE":
                for known in await self._database.read(
                    documents.known, who.tenant, ask.data_source
                ):
                    await self._indexing.delete(scope, known)
            await self._database.write(self._fenced(ask.fence, removal.source), who, ask)
        await self._auditor.resource_removed(who, ask.knowledge_base, ask.data_source)

    async def _differences(self, scope: Scope, source: Source) -> list[PlannedStep]:
        listed = {found.id: found async for found in source.list()}
        known = {
            document.id: document
            for document in await self._database.read(
                documents.known, scope.who.tenant, scope.data_source.id
            )
        }
        if scope.ingestion is not None:
            sidecars = sum(found.metadata_mark is not None for found in listed.values())
            await self._database.write(
                ingestions.scanned,
                scope.who.tenant,
                scope.ingestion,
                documents=len(listed),
                sidecars=sidecars,
            )
        index = [
            PlannedStep(document=id, action="index")
            for id, found in listed.items()
            if _differs(found, known.get(id), scope.ingestion)
        ]
        gone = [PlannedStep(document=id, action="delete") for id in known if id not in listed]
        return gone + index

    async def _named_steps(
        self, scope: Scope, names: Sequence[str], *, delete: bool
    ) -> list[PlannedStep]:
        if not delete:
            return [PlannedStep(document=name, action="index") for name in names]
        found = await self._database.read(
            documents.get, scope.who.tenant, scope.data_source.id, names
        )
        return [
            PlannedStep(document=document.id, action="delete")
            for document in found
            if document.status != "NOT_FOUND"
        ]

    async def _tune(self, scope: Scope, source: Source, ids: Sequence[str]) -> None:
        """Measures the corpus on the first documents, before any point is encoded."""
        texts: list[str] = []
        for id in ids[:_SAMPLE]:
            try:
                prepared = await self._indexing.prepare(scope, id, await source.read(id))
            except (InvalidRequest, NotFound):
                continue  # its own step will tell the reason
            texts += [chunk.text for chunk in prepared.chunks]
        if texts:
            length = await asyncio.to_thread(self._measure_length, texts, scope.collection.language)
            await self._database.write(
                bases.set_average_length, scope.who.tenant, scope.base.shown.id, length
            )

    async def _scope(
        self,
        who: Principal,
        knowledge_base: str,
        data_source: str,
        ingestion: str | None,
        held: Fence,
    ) -> Scope:
        def read(connection: Connection) -> tuple[bases.Base, DataSource]:
            base = bases.base(connection, who.tenant, knowledge_base)
            return base, bases.source(connection, who.tenant, knowledge_base, data_source)

        base, source = await self._database.read(read)
        return Scope(who, base, source, await self._collection(base), ingestion, held)

    async def _collection(self, base: bases.Base) -> CollectionSpec:
        return collection_of(base, (await self._embedding.embedder(base.model)).dimension)

    def _fenced(
        self, held: Fence, work: Callable[[Connection, str, str, str | None], None]
    ) -> Callable[[Connection, Principal, RemoveResources], None]:
        def run(connection: Connection, who: Principal, ask: RemoveResources) -> None:
            fence(connection, held.job, held.epoch)
            work(connection, who.tenant, ask.knowledge_base, ask.data_source)

        return run


def _differs(found: SourceDocument, known: documents.Known | None, ingestion: str | None) -> bool:
    if known is None or known.version == 0 or known.status == "FAILED":
        return known is None or known.ingestion != ingestion or ingestion is None
    return (
        known.status != "INDEXED"
        or found.content_mark != known.content_mark
        or found.metadata_mark != known.metadata_mark
    )
