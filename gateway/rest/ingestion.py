"""Bringing documents into a knowledge base."""

from dataclasses import asdict, dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from contracts.contract import Contract
from contracts.search import ingestion as i
from contracts.search import knowledge_bases as k
from gateway.rest.caller import Caller, Platform
from gateway.rest.paths import BaseId, IngestionId, SourceId

router = APIRouter(
    prefix="/search/knowledge-bases/{knowledge_base}/data-sources/{data_source}", tags=["ingestion"]
)
PageQuery = Annotated[k.Page, Query()]


@dataclass(frozen=True, slots=True)
class Place:
    """The data source in the path."""

    knowledge_base: BaseId
    data_source: SourceId


At = Annotated[Place, Depends(Place)]


class Start(Contract):
    description: str | None = Field(default=None, min_length=1, max_length=200)


class Put(Contract):
    documents: list[i.DirectDocument] = Field(min_length=1, max_length=25)


class Ids(Contract):
    ids: list[str] = Field(min_length=1, max_length=25)


@router.post("/ingestions", status_code=202)
async def start_ingestion(who: Caller, platform: Platform, at: At, ask: Start) -> i.Ingestion:
    """Syncs the data source: what is new, changed or gone since the last time."""
    start = i.StartIngestion(**asdict(at), description=ask.description)
    return await platform.search.start_ingestion(who, start)


@router.get("/ingestions")
async def list_ingestions(who: Caller, platform: Platform, at: At, page: PageQuery) -> i.Ingestions:
    ask = i.ListIngestions(**asdict(at), **page.model_dump())
    return await platform.search.ingestions(who, ask)


@router.get("/ingestions/{ingestion}")
async def get_ingestion(
    who: Caller, platform: Platform, at: At, ingestion: IngestionId
) -> i.Ingestion:
    ask = i.IngestionId(**asdict(at), id=ingestion)
    return await platform.search.ingestion(who, ask)


@router.post("/ingestions/{ingestion}/stop")
async def stop_ingestion(
    who: Caller, platform: Platform, at: At, ingestion: IngestionId
) -> i.Ingestion:
    ask = i.IngestionId(**asdict(at), id=ingestion)
    return await platform.search.stop_ingestion(who, ask)


@router.get("/documents")
async def list_documents(who: Caller, platform: Platform, at: At, page: PageQuery) -> i.Documents:
    ask = i.ListDocuments(**asdict(at), **page.model_dump())
    return await platform.search.list_documents(who, ask)


@router.put("/documents", status_code=202)
async def put_documents(who: Caller, platform: Platform, at: At, ask: Put) -> i.Documents:
    """Puts documents in directly; a job indexes them."""
    put = i.PutDocuments(**asdict(at), documents=ask.documents)
    return await platform.search.put_documents(who, put)


@router.post("/documents/get")
async def get_documents(who: Caller, platform: Platform, at: At, ask: Ids) -> i.Documents:
    wanted = i.DocumentIds(**asdict(at), ids=ask.ids)
    return await platform.search.documents(who, wanted)


@router.post("/documents/delete", status_code=202)
async def delete_documents(who: Caller, platform: Platform, at: At, ask: Ids) -> i.Documents:
    """Takes documents out; a job erases their vectors."""
    unwanted = i.DocumentIds(**asdict(at), ids=ask.ids)
    return await platform.search.delete_documents(who, unwanted)
