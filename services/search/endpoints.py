"""The service's internal routes: a contract in, a use case, a contract out."""

from dataclasses import dataclass

from fastapi import APIRouter

from contracts.contract import Nothing
from contracts.search import embeddings as e
from contracts.search import ingestion as i
from contracts.search import knowledge_bases as k
from contracts.search import retrieval as r
from kit.contract_routes import ContractRoute, Routes, StreamRoute
from kit.service import Caller
from services.search.service.answering import Answering
from services.search.service.direct import DirectService
from services.search.service.embedding import Embedding
from services.search.service.ingesting import Ingesting
from services.search.service.ingestion import IngestionService
from services.search.service.knowledge_bases import KnowledgeBaseService
from services.search.service.removing import Removing
from services.search.service.retrieval import Retrieval

_DONE = Nothing()


@dataclass(frozen=True, slots=True)
class UseCases:
    embedding: Embedding
    bases: KnowledgeBaseService
    ingestion: IngestionService
    direct: DirectService
    ingesting: Ingesting
    removing: Removing
    retrieval: Retrieval
    answering: Answering


def routes(use: UseCases) -> APIRouter:
    router = APIRouter()
    _knowledge_bases(router, use)
    _data_sources(router, use)
    _ingestion(router, use)
    _job_steps(router, use)
    _questions(router, use)
    return router


def contract_routes(use: UseCases) -> Routes:
    """The questions, which are asked most."""
    return {
        "/embeddings": ContractRoute(e.EmbedRequest, lambda _, ask: use.embedding.embed(ask)),
        "/retrieve": ContractRoute(r.RetrieveRequest, use.retrieval.retrieve),
        "/answer": ContractRoute(r.AnswerRequest, use.answering.answer),
        "/answer/stream": StreamRoute(r.AnswerRequest, use.answering.stream),
    }


def _knowledge_bases(router: APIRouter, use: UseCases) -> None:
    @router.post("/knowledge-bases/create")
    async def create_base(who: Caller, ask: k.CreateKnowledgeBase) -> k.KnowledgeBase:
        return await use.bases.create(who, ask)

    @router.post("/knowledge-bases/get")
    async def get_base(who: Caller, ask: k.KnowledgeBaseId) -> k.KnowledgeBase:
        return await use.bases.get(who, ask.id)

    @router.post("/knowledge-bases/list")
    async def list_bases(who: Caller, ask: k.Page) -> k.KnowledgeBases:
        return await use.bases.list(who, ask)

    @router.post("/knowledge-bases/update")
    async def update_base(who: Caller, ask: k.UpdateKnowledgeBase) -> k.KnowledgeBase:
        return await use.bases.update(who, ask)

    @router.post("/knowledge-bases/delete")
    async def delete_base(who: Caller, ask: k.KnowledgeBaseId) -> k.KnowledgeBase:
        return await use.bases.delete(who, ask.id)

    @router.post("/tags")
    async def tags(who: Caller, ask: k.Tags) -> k.TagSet:
        return await use.bases.tags(who, ask)


def _data_sources(router: APIRouter, use: UseCases) -> None:
    @router.post("/data-sources/create")
    async def create_source(who: Caller, ask: k.CreateDataSource) -> k.DataSource:
        return await use.bases.create_source(who, ask)

    @router.post("/data-sources/get")
    async def get_source(who: Caller, ask: k.DataSourceId) -> k.DataSource:
        return await use.bases.source(who, ask)

    @router.post("/data-sources/list")
    async def list_sources(who: Caller, ask: k.ListDataSources) -> k.DataSources:
        return await use.bases.sources(who, ask)

    @router.post("/data-sources/update")
    async def update_source(who: Caller, ask: k.UpdateDataSource) -> k.DataSource:
        return await use.bases.update_source(who, ask)

    @router.post("/data-sources/delete")
    async def delete_source(who: Caller, ask: k.DataSourceId) -> k.DataSource:
        return await use.bases.delete_source(who, ask)


def _ingestion(router: APIRouter, use: UseCases) -> None:
    @router.post("/ingestions/start")
    async def start(who: Caller, ask: i.StartIngestion) -> i.Ingestion:
        return await use.ingestion.start(who, ask)

    @router.post("/ingestions/stop")
    async def stop(who: Caller, ask: i.IngestionId) -> i.Ingestion:
        return await use.ingestion.stop(who, ask)

    @router.post("/ingestions/get")
    async def get(who: Caller, ask: i.IngestionId) -> i.Ingestion:
        return await use.ingestion.get(who, ask)

    @router.post("/ingestions/list")
    async def list_all(who: Caller, ask: i.ListIngestions) -> i.Ingestions:
        return await use.ingestion.list(who, ask)

    @router.post("/documents/put")
    async def put_documents(who: Caller, ask: i.PutDocuments) -> i.Documents:
        return await use.direct.put(who, ask)

    @router.post("/documents/get")
    async def get_documents(who: Caller, ask: i.DocumentIds) -> i.Documents:
        return await use.direct.get(who, ask)

    @router.post("/documents/list")
    async def list_documents(who: Caller, ask: i.ListDocuments) -> i.Documents:
        return await use.direct.list(who, ask)

    @router.post("/documents/delete")
    async def delete_documents(who: Caller, ask: i.DocumentIds) -> i.Documents:
        return await use.direct.delete(who, ask)


def _job_steps(router: APIRouter, use: UseCases) -> None:
    @router.post("/ingestions/plan")
    async def plan(who: Caller, ask: i.PlanIngestion) -> i.IngestionPlan:
        return await use.ingesting.plan(who, ask)

    @router.post("/ingestions/step")
    async def step(who: Caller, ask: i.RunStep) -> Nothing:
        await use.ingesting.step(who, ask)
        return _DONE

    @router.post("/ingestions/finish")
    async def finish(who: Caller, ask: i.FinishIngestion) -> i.Statistics:
        return await use.ingesting.finish(who, ask)

    @router.post("/resources/remove")
    async def remove(who: Caller, ask: i.RemoveResources) -> i.Removed:
        return await use.removing.remove(who, ask)


def _questions(router: APIRouter, use: UseCases) -> None:
    @router.post("/sessions/end")
    async def end_session(who: Caller, ask: r.SessionId) -> Nothing:
        await use.answering.end_session(who, ask)
        return _DONE
