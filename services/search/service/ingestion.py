"""Ingestions as their owner sees them: started, stopped, looked at; documents put in and out."""

from sqlalchemy import Connection

from contracts.search.ingestion import (
    DocumentIds,
    Documents,
    Ingestion,
    IngestionId,
    Ingestions,
    IngestionStatus,
    ListDocuments,
    ListIngestions,
    PutDocuments,
    StartIngestion,
)
from contracts.search.knowledge_bases import DataSource
from kit.auth.principal import Principal
from kit.database import Database
from kit.errors import Conflict, InvalidRequest
from kit.identifiers import resource_id
from kit.jobs.accept import accept_job
from kit.jobs.cancel import cancel_job
from kit.jobs.ports import Waker
from kit.jobs.query import get_job
from services.search.repository import custom_documents as custom
from services.search.repository import documents, ingestions
from services.search.repository import knowledge_bases as bases
from services.search.service.knowledge_bases import cut
from services.search.service.sources import file_ending

_LOST = "The job that ran this ingestion ended before its time. Start another."


class IngestionService:
    """Accepts work in one transaction with its row; the job runner does it."""

    def __init__(self, database: Database, waker: Waker) -> None:
        self._database = database
        self._waker = waker

    async def start(self, who: Principal, ask: StartIngestion) -> Ingestion:
        def accept(connection: Connection) -> Ingestion:
            source = self._source(connection, who, ask.knowledge_base, ask.data_source)
            if source.spec.source.type == "CUSTOM":
                raise InvalidRequest(
                    "A custom data source has nothing to sync from; "
                    "use IngestKnowledgeBaseDocuments.",
                    param="dataSourceId",
                )
            if ask.client_token and (
                again := ingestions.by_token(
                    connection, who.tenant, ask.data_source, ask.client_token
                )
            ):
                return again
            self._reconcile_all(connection, who, ask.knowledge_base)
            id = resource_id()
            return ingestions.start(
                connection,
                who.tenant,
                ask.knowledge_base,
                ask.data_source,
                id=id,
                description=ask.description,
                job=_accept(connection, who, ask.knowledge_base, ask.data_source, ingestion=id),
                client_token=ask.client_token,
            )

        started = await self._database.write(accept)
        await self._waker.wake()
        return started

    async def stop(self, who: Principal, ask: IngestionId) -> Ingestion:
        def stop(connection: Connection) -> Ingestion:
            found = self._get(connection, who, ask)
            if found.status not in ("STARTING", "IN_PROGRESS"):
                raise Conflict(f"Ingestion job {ask.id} is {found.status}; it can't be stopped.")
            job = cancel_job(connection, who.tenant, found.job)
            status: IngestionStatus = "STOPPED" if job.state == "cancelled" else "STOPPING"
            ingestions.set_status(connection, who.tenant, ask.id, status)
            return self._get(connection, who, ask)

        return await self._database.write(stop)

    async def get(self, who: Principal, ask: IngestionId) -> Ingestion:
        found = await self._database.read(self._get, who, ask)
        if found.status not in ingestions.ACTIVE:
            return found

        def reconcile(connection: Connection) -> Ingestion:
            self._reconcile_all(connection, who, ask.knowledge_base)
            return self._get(connection, who, ask)

        return await self._database.write(reconcile)

    async def list(self, who: Principal, ask: ListIngestions) -> Ingestions:
        skip = _offset(ask.token)

        def page(connection: Connection) -> list[Ingestion]:
            self._source(connection, who, ask.knowledge_base, ask.data_source)
            more = ask.model_copy(update={"limit": ask.limit + 1})
            return ingestions.page(connection, who.tenant, more, skip)

        items, more = cut(
            await self._database.read(page), ask.limit, lambda _: str(skip + ask.limit)
        )
        return Ingestions(items=items, next_token=more)

    async def put(self, who: Principal, ask: PutDocuments) -> Documents:
        ids = [document.id for document in ask.documents]

        def accept(connection: Connection) -> Documents:
            source = self._source(connection, who, ask.knowledge_base, ask.data_source)
            for n, document in enumerate(ask.documents):
                if source.spec.source.type == "CUSTOM":
                    if document.source_uri is None:
                        file_ending(document.media_type)
                    row = custom.Custom(
                        id=document.id,
                        content=document.content,
                        media_type=document.media_type,
                        source_uri=document.source_uri,
                        attributes=document.attributes,
                        attributes_uri=document.attributes_uri,
                    )
                    custom.put(connection, who.tenant, ask.data_source, row)
                elif document.content is not None or document.attributes is not None:
                    raise InvalidRequest(
                        "A document of an S3 data source comes from its bucket with its sidecar; "
                        "give its URI only.",
                        param=f"documents[{n}]",
                    )
                documents.ensure(
                    connection, who.tenant, ask.knowledge_base, ask.data_source, document.id
                )
            documents.mark(connection, who.tenant, ask.data_source, ids, "STARTING")
            _accept(connection, who, ask.knowledge_base, ask.data_source, documents=ids)
            return Documents(items=documents.get(connection, who.tenant, ask.data_source, ids))

        accepted = await self._database.write(accept)
        await self._waker.wake()
        return accepted

    async def delete(self, who: Principal, ask: DocumentIds) -> Documents:
        def accept(connection: Connection) -> Documents:
            source = self._source(connection, who, ask.knowledge_base, ask.data_source)
            if source.spec.source.type == "CUSTOM":
                custom.remove(connection, who.tenant, ask.data_source, ask.ids)
            documents.mark(connection, who.tenant, ask.data_source, ask.ids, "DELETING")
            _accept(
                connection,
                who,
                ask.knowledge_base,
                ask.data_source,
                documents=ask.ids,
                delete=True,
            )
            return Documents(items=documents.get(connection, who.tenant, ask.data_source, ask.ids))

        accepted = await self._database.write(accept)
        await self._waker.wake()
        return accepted

    async def documents(self, who: Principal, ask: DocumentIds) -> Documents:
        def read(connection: Connection) -> Documents:
            self._source(connection, who, ask.knowledge_base, ask.data_source)
            return Documents(items=documents.get(connection, who.tenant, ask.data_source, ask.ids))

        return await self._database.read(read)

    async def list_documents(self, who: Principal, ask: ListDocuments) -> Documents:
        def read(connection: Connection) -> Documents:
            self._source(connection, who, ask.knowledge_base, ask.data_source)
            found = documents.page(
                connection, who.tenant, ask.data_source, ask.limit + 1, ask.token or ""
            )
            items, next_token = cut(found, ask.limit, lambda last: last.id)
            return Documents(items=items, next_token=next_token)

        return await self._database.read(read)

    def _source(
        self, connection: Connection, who: Principal, knowledge_base: str, id: str
    ) -> DataSource:
        return bases.source(connection, who.tenant, knowledge_base, id)

    def _get(self, connection: Connection, who: Principal, ask: IngestionId) -> Ingestion:
        self._source(connection, who, ask.knowledge_base, ask.data_source)
        return ingestions.get(connection, who.tenant, ask.knowledge_base, ask.data_source, ask.id)

    def _reconcile_all(self, connection: Connection, who: Principal, knowledge_base: str) -> None:
        """An ingestion whose job has ended (crashed too often, say) has ended too."""
        for running in ingestions.active(connection, who.tenant, knowledge_base):
            job = get_job(connection, who.tenant, running.job)
            if job.state in ("failed", "dead"):
                ingestions.count(connection, who.tenant, running.id, reason=_LOST)
                ingestions.set_status(connection, who.tenant, running.id, "FAILED")
            elif job.state == "cancelled":
                ingestions.set_status(connection, who.tenant, running.id, "STOPPED")


def _accept(
    connection: Connection,
    who: Principal,
    knowledge_base: str,
    data_source: str,
    *,
    ingestion: str | None = None,
    documents: list[str] | None = None,
    delete: bool = False,
) -> str:
    """The id of the job that will do it."""
    job = accept_job(
        connection,
        tenant=who.tenant,
        kind="ingestion",
        input={
            "knowledge_base": knowledge_base,
            "data_source": data_source,
            "ingestion": ingestion,
            "documents": documents,
            "delete": delete,
            "account": who.account,
            "key": who.key,
        },
    )
    return job.id


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isdecimal() or len(token) > 9:
        raise InvalidRequest("This nextToken is not one that was given out.", param="nextToken")
    return int(token)
