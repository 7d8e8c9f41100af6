"""Ingestions as their owner sees them: started, stopped, looked at."""

from sqlalchemy import Connection

from contracts.search.ingestion import (
    Ingestion,
    IngestionId,
    Ingestions,
    IngestionStatus,
    ListIngestions,
    StartIngestion,
)
from contracts.search.knowledge_bases import DataSource
from kit.auth.principal import Principal
from kit.database import Database
from kit.errors import Conflict, InvalidRequest
from kit.identifiers import resource_id
from kit.jobs.cancel import cancel_job
from kit.jobs.ports import Waker
from services.search.repository import ingestions, sources
from services.search.service.knowledge_bases import cut
from services.search.service.readable import require_source
from services.search.service.tracking import accept, reconcile


class IngestionService:
    """Accepts work in one transaction with its row; the job runner does it."""

    def __init__(self, database: Database, waker: Waker) -> None:
        self._database = database
        self._waker = waker

    async def start(self, who: Principal, ask: StartIngestion) -> Ingestion:
        def begin(connection: Connection) -> Ingestion:
            source = self._open(connection, who, ask.knowledge_base, ask.data_source)
            if source.spec.source.type == "CUSTOM":
                raise InvalidRequest(
                    "A custom data source has nothing to sync from; "
                    "use IngestKnowledgeBaseDocuments.",
                    param="dataSourceId",
                )
            require_source(who, source.spec)
            if ask.client_token and (
                again := ingestions.by_token(
                    connection, who.tenant, ask.data_source, ask.client_token
                )
            ):
                return again
            reconcile(connection, who.tenant, ask.knowledge_base)
            id = resource_id()
            return ingestions.start(
                connection,
                who.tenant,
                ask.knowledge_base,
                ask.data_source,
                id=id,
                description=ask.description,
                job=accept(connection, who, ask, ingestion=id),
                client_token=ask.client_token,
            )

        started = await self._database.write(begin)
        await self._waker.wake()
        return started

    async def stop(self, who: Principal, ask: IngestionId) -> Ingestion:
        def stop(connection: Connection) -> Ingestion:
            reconcile(connection, who.tenant, ask.knowledge_base)
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

        def look_again(connection: Connection) -> Ingestion:
            reconcile(connection, who.tenant, ask.knowledge_base)
            return self._get(connection, who, ask)

        return await self._database.write(look_again)

    async def list(self, who: Principal, ask: ListIngestions) -> Ingestions:
        skip = _offset(ask.token)

        def page(connection: Connection) -> list[Ingestion]:
            self._source(connection, who, ask.knowledge_base, ask.data_source)
            reconcile(connection, who.tenant, ask.knowledge_base)
            more = ask.model_copy(update={"limit": ask.limit + 1})
            return ingestions.page(connection, who.tenant, more, skip)

        items, more = cut(
            await self._database.write(page), ask.limit, lambda _: str(skip + ask.limit)
        )
        return Ingestions(items=items, next_token=more)

    def _source(
        self, connection: Connection, who: Principal, knowledge_base: str, id: str
    ) -> DataSource:
        return sources.source(connection, who.tenant, knowledge_base, id)

    def _get(self, connection: Connection, who: Principal, ask: IngestionId) -> Ingestion:
        self._source(connection, who, ask.knowledge_base, ask.data_source)
        return ingestions.get(connection, who.tenant, ask.knowledge_base, ask.data_source, ask.id)

    def _open(
        self, connection: Connection, who: Principal, knowledge_base: str, id: str
    ) -> DataSource:
        """Held until the transaction ends, so that one start sees the other."""
        found = self._source(connection, who, knowledge_base, id)
        sources.hold_source(connection, who.tenant, knowledge_base, id, alone=True)
        return found


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isdecimal() or len(token) > 9:
        raise InvalidRequest("This nextToken is not one that was given out.", param="nextToken")
    return int(token)
