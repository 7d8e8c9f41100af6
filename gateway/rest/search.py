"""Embeddings, knowledge bases, data sources, and questions to them."""

from typing import Annotated

from fastapi import APIRouter, Body, Query, Request
from fastapi.responses import StreamingResponse

from contracts.contract import Nothing
from contracts.search import embeddings as e
from contracts.search import knowledge_bases as k
from contracts.search import retrieval as r
from gateway import asking, embedding
from gateway.rest.caller import Caller, Platform
from gateway.rest.events import EVENT_STREAM, events
from gateway.rest.paths import BaseId, SourceId
from kit.service import started

router = APIRouter(prefix="/search", tags=["search"])
PageQuery = Annotated[k.Page, Query()]


class Retrieve(r.RetrieveRequest):
    """A question to the knowledge base in the path."""

    knowledge_base: str = ""


class Ask(r.AnswerRequest):
    """A question to the knowledge base in the path; `model` as in GET /v1/models."""

    knowledge_base: str = ""
    model: str = "extractive"


@router.post("/embeddings")
async def embed(who: Caller, platform: Platform, ask: e.EmbedRequest) -> e.EmbedReply:
    """Vectors come as base64 of little-endian float32s."""
    return await embedding.embed(platform, who, "rest:embed", ask)


@router.post("/knowledge-bases", status_code=201)
async def create_knowledge_base(
    who: Caller, platform: Platform, spec: k.KnowledgeBaseSpec
) -> k.KnowledgeBase:
    return await platform.search.create_knowledge_base(who, k.CreateKnowledgeBase(spec=spec))


@router.get("/knowledge-bases")
async def list_knowledge_bases(
    who: Caller, platform: Platform, page: PageQuery
) -> k.KnowledgeBases:
    return await platform.search.knowledge_bases(who, page)


@router.get("/knowledge-bases/{knowledge_base}")
async def get_knowledge_base(
    who: Caller, platform: Platform, knowledge_base: BaseId
) -> k.KnowledgeBase:
    return await platform.search.knowledge_base(who, knowledge_base)


@router.put("/knowledge-bases/{knowledge_base}")
async def update_knowledge_base(
    who: Caller, platform: Platform, knowledge_base: BaseId, spec: k.KnowledgeBaseSpec
) -> k.KnowledgeBase:
    ask = k.UpdateKnowledgeBase(id=knowledge_base, spec=spec)
    return await platform.search.update_knowledge_base(who, ask)


@router.delete("/knowledge-bases/{knowledge_base}", status_code=202)
async def delete_knowledge_base(
    who: Caller, platform: Platform, knowledge_base: BaseId
) -> k.KnowledgeBase:
    """A job takes its documents, vectors and sessions away."""
    return await platform.search.delete_knowledge_base(who, knowledge_base)


@router.post("/knowledge-bases/{knowledge_base}/data-sources", status_code=201)
async def create_data_source(
    who: Caller, platform: Platform, knowledge_base: BaseId, spec: k.DataSourceSpec
) -> k.DataSource:
    ask = k.CreateDataSource(knowledge_base=knowledge_base, spec=spec)
    return await platform.search.create_data_source(who, ask)


@router.get("/knowledge-bases/{knowledge_base}/data-sources")
async def list_data_sources(
    who: Caller, platform: Platform, knowledge_base: BaseId, page: PageQuery
) -> k.DataSources:
    ask = k.ListDataSources(knowledge_base=knowledge_base, **page.model_dump())
    return await platform.search.data_sources(who, ask)


@router.get("/knowledge-bases/{knowledge_base}/data-sources/{data_source}")
async def get_data_source(
    who: Caller, platform: Platform, knowledge_base: BaseId, data_source: SourceId
) -> k.DataSource:
    ask = k.DataSourceId(knowledge_base=knowledge_base, id=data_source)
    return await platform.search.data_source(who, ask)


@router.put("/knowledge-bases/{knowledge_base}/data-sources/{data_source}")
async def update_data_source(
    who: Caller,
    platform: Platform,
    knowledge_base: BaseId,
    data_source: SourceId,
    spec: k.DataSourceSpec,
) -> k.DataSource:
    ask = k.UpdateDataSource(knowledge_base=knowledge_base, id=data_source, spec=spec)
    return await platform.search.update_data_source(who, ask)


@router.delete("/knowledge-bases/{knowledge_base}/data-sources/{data_source}", status_code=202)
async def delete_data_source(
    who: Caller, platform: Platform, knowledge_base: BaseId, data_source: SourceId
) -> k.DataSource:
    ask = k.DataSourceId(knowledge_base=knowledge_base, id=data_source)
    return await platform.search.delete_data_source(who, ask)


@router.post("/knowledge-bases/{knowledge_base}/retrieve")
async def retrieve(
    who: Caller, platform: Platform, knowledge_base: BaseId, ask: Annotated[Retrieve, Body()]
) -> r.Passages:
    return await asking.retrieve(platform, who, "rest:retrieve", _at(knowledge_base, ask))


@router.post("/knowledge-bases/{knowledge_base}/answer")
async def answer(
    who: Caller, platform: Platform, knowledge_base: BaseId, ask: Annotated[Ask, Body()]
) -> r.Answer:
    return await asking.answer(platform, who, "rest:answer", _question(knowledge_base, ask))


@router.post(
    "/knowledge-bases/{knowledge_base}/answer/stream",
    response_class=StreamingResponse,
    responses=EVENT_STREAM,
)
async def answer_stream(
    request: Request,
    who: Caller,
    platform: Platform,
    knowledge_base: BaseId,
    ask: Annotated[Ask, Body()],
) -> StreamingResponse:
    """Server-sent events: pieces of text, each citation after the text that it covers."""
    question = _question(knowledge_base, ask)
    lines = asking.answer_stream(platform, who, "rest:answer_stream", question)
    return events(request, await started(lines))


@router.delete("/knowledge-bases/{knowledge_base}/sessions/{session}")
async def end_session(
    who: Caller, platform: Platform, knowledge_base: BaseId, session: str
) -> Nothing:
    """Erases what was asked and answered in it."""
    ask = r.SessionId(knowledge_base=knowledge_base, session=session)
    return await platform.search.end_session(who, ask)


def _at(knowledge_base: str, ask: Retrieve) -> r.RetrieveRequest:
    return r.RetrieveRequest(**{**dict(ask), "knowledge_base": knowledge_base})


def _question(knowledge_base: str, ask: Ask) -> r.AnswerRequest:
    return r.AnswerRequest(**{**dict(ask), "knowledge_base": knowledge_base})
