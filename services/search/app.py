"""Composes the search service from its settings."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from fastapi import FastAPI

from contracts.generation.client import GenerationClient
from contracts.search.knowledge_bases import DataSource
from kit.auth.audit import AuditLog
from kit.auth.audit_chain import AuditEvent
from kit.auth.internal import InternalTrust
from kit.auth.principal import Principal
from kit.catalogue import Catalogue, ModelEntry, load
from kit.contract_routes import mount
from kit.database import Database, clock
from kit.jobs.ports import Waker
from kit.objects.store import ObjectStore
from kit.service import service_app
from services.search.endpoints import UseCases, contract_routes, routes
from services.search.engines.embeddings.registry import open_embedder
from services.search.engines.generator import ServiceGenerator
from services.search.engines.index.lexical import measure_average_length
from services.search.engines.index.registry import open_index
from services.search.engines.object_reader import ObjectReader
from services.search.engines.parsing.limits import ParsingLimits
from services.search.engines.parsing.sandbox import SandboxedParser
from services.search.ports import Embedder, Index, Parser
from services.search.service.answering import Answering
from services.search.service.audit import Auditor
from services.search.service.direct import DirectService
from services.search.service.embedding import Embedding
from services.search.service.indexing import Indexing
from services.search.service.ingesting import Ingesting
from services.search.service.ingestion import IngestionService
from services.search.service.knowledge_bases import KnowledgeBaseService
from services.search.service.preparing import Preparing
from services.search.service.removing import Removing
from services.search.service.retrieval import Retrieval
from services.search.service.scoping import Scoping
from services.search.service.sources import BucketSource, DirectSource, Source
from services.search.service.versions import Versions
from services.search.settings import SearchSettings


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the process gives the service: the stores it shares, and the way to generation."""

    database: Database
    objects: ObjectStore
    audit: AuditLog
    waker: Waker
    generation: GenerationClient
    trust: InternalTrust


def create_app(
    settings: SearchSettings,
    around: Surroundings,
    *,
    opened: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
) -> FastAPI:
    """`opened` holds the surroundings open; it is left after everything of the service's own."""
    catalogue = load(settings.models)
    key = settings.qdrant_api_key
    index = open_index(
        settings.index,
        folder=settings.folder / "index",
        url=settings.qdrant_url,
        key=None if key is None else key.get_secret_value(),
    )
    parser = SandboxedParser(ParsingLimits(file_bytes=settings.largest_document))
    use = _use_cases(settings, around, catalogue, index, parser)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with opened():
            yield
            await parser.close()
            await use.embedding.close()
            await index.close()

    async def ready() -> None:
        await asyncio.gather(around.database.read(clock), index.check())

    app = service_app("Undercroft search", trust=around.trust, lifespan=lifespan, ready=ready)
    app.include_router(routes(use))
    mount(app, around.trust, contract_routes(use))
    return app


def _use_cases(
    settings: SearchSettings,
    around: Surroundings,
    catalogue: Catalogue,
    index: Index,
    parser: Parser,
) -> UseCases:
    database = around.database
    objects = ObjectReader(around.objects, largest=settings.largest_document)
    auditor = Auditor(_recorder(around.audit))

    async def load_embedder(entry: ModelEntry) -> Embedder:
        return await open_embedder(
            entry, cache=settings.exported_models, threads=settings.embedding_threads
        )

    def open_source(who: Principal, source: DataSource) -> Source:
        where = source.spec.source
        if where.type == "S3":
            return BucketSource(who.tenant, where.bucket, where.prefix, objects)
        return DirectSource(database, who.tenant, source.id, objects)

    embedding = Embedding(catalogue, load_embedder)
    retrieval = Retrieval(database, index, embedding)
    scoping = Scoping(database, embedding)
    preparing = Preparing(parser, embedding)
    versions = Versions(database, index)
    indexing = Indexing(database, index, embedding, preparing, versions, auditor)
    return UseCases(
        embedding=embedding,
        bases=KnowledgeBaseService(database, index, embedding, around.waker),
        ingestion=IngestionService(database, around.waker),
        direct=DirectService(database, around.waker),
        ingesting=Ingesting(
            database,
            scoping,
            indexing,
            preparing,
            versions,
            open_source,
            measure_average_length,
            auditor,
        ),
        removing=Removing(database, index, scoping, indexing, versions, auditor),
        retrieval=retrieval,
        answering=Answering(database, retrieval, embedding, ServiceGenerator(around.generation)),
    )


def _recorder(audit: AuditLog) -> Any:
    async def record(
        who: Principal, operation: str, resource: str, details: dict[str, Any]
    ) -> None:
        event = AuditEvent(
            tenant=who.tenant,
            key=who.key,
            operation=operation,
            resource=resource,
            outcome="ok",
            request_id=str(uuid4()),
            details=details,
        )
        await audit.record(event)

    return record
