"""Documents put in, looked at and taken out by name."""

from collections.abc import Callable

from sqlalchemy import Connection

from contracts.search.ingestion import (
    DirectDocument,
    DocumentIds,
    Documents,
    ListDocuments,
    PutDocuments,
)
from contracts.search.knowledge_bases import DataSource
from kit.auth.principal import Principal
from kit.database import Database
from kit.errors import InvalidRequest
from kit.jobs.ports import Waker
from services.search.repository import custom_documents as custom
from services.search.repository import documents, sources
from services.search.service.knowledge_bases import cut
from services.search.service.readable import require_document
from services.search.service.sources import check_in_bucket, file_ending
from services.search.service.tracking import accept, reconcile_documents


class DirectService:
    """The last request for a document decides, in whatever order their jobs run."""

    def __init__(self, database: Database, waker: Waker) -> None:
        self._database = database
        self._waker = waker

    async def put(self, who: Principal, ask: PutDocuments) -> Documents:
        ids = [document.id for document in ask.documents]
        if len(set(ids)) < len(ids):
            raise InvalidRequest("A document is given twice; give each once.", param="documents")

        def accept_all(connection: Connection) -> Documents:
            source = self._open(connection, who, ask)
            for n, document in enumerate(ask.documents):
                param = f"documents[{n}]"
                if source.spec.source.type == "CUSTOM":
                    custom.put(connection, who.tenant, source.id, _custom(document, param))
                else:
                    _check_bucket_document(source, document, param)
                require_document(who, source, document)
                documents.ensure(connection, who.tenant, ask.knowledge_base, source.id, document.id)
            job = accept(connection, who, ask, documents=ids)
            documents.request(connection, who.tenant, source.id, ids, status="STARTING", job=job)
            return Documents(items=documents.get(connection, who.tenant, source.id, ids))

        accepted = await self._database.write(accept_all)
        await self._waker.wake()
        return accepted

    async def delete(self, who: Principal, ask: DocumentIds) -> Documents:
        ids = list(dict.fromkeys(ask.ids))

        def accept_all(connection: Connection) -> Documents:
            source = self._open(connection, who, ask)
            if source.spec.source.type == "CUSTOM":
                custom.remove(connection, who.tenant, source.id, ids)
            job = accept(connection, who, ask, documents=ids, delete=True)
            documents.request(connection, who.tenant, source.id, ids, status="DELETING", job=job)
            return Documents(items=documents.get(connection, who.tenant, source.id, ids))

        accepted = await self._database.write(accept_all)
        await self._waker.wake()
        return accepted

    async def get(self, who: Principal, ask: DocumentIds) -> Documents:
        def look(connection: Connection) -> Documents:
            self._source(connection, who, ask)
            return Documents(items=documents.get(connection, who.tenant, ask.data_source, ask.ids))

        return await self._reconciled(who, ask, look)

    async def list(self, who: Principal, ask: ListDocuments) -> Documents:
        def look(connection: Connection) -> Documents:
            self._source(connection, who, ask)
            found = documents.page(
                connection, who.tenant, ask.data_source, ask.limit + 1, ask.token or ""
            )
            items, next_token = cut(found, ask.limit, lambda last: last.id)
            return Documents(items=items, next_token=next_token)

        return await self._reconciled(who, ask, look)

    async def _reconciled(
        self,
        who: Principal,
        ask: DocumentIds | ListDocuments,
        look: Callable[[Connection], Documents],
    ) -> Documents:
        """Looks again where a document waits for a job that may have ended."""
        seen = await self._database.read(look)
        if all(item.status not in ("STARTING", "DELETING") for item in seen.items):
            return seen
        await self._database.write(reconcile_documents, who.tenant, ask.data_source)
        return await self._database.read(look)

    def _source(
        self,
        connection: Connection,
        who: Principal,
        ask: PutDocuments | DocumentIds | ListDocuments,
    ) -> DataSource:
        return sources.source(connection, who.tenant, ask.knowledge_base, ask.data_source)

    def _open(
        self, connection: Connection, who: Principal, ask: PutDocuments | DocumentIds
    ) -> DataSource:
        found = self._source(connection, who, ask)
        sources.hold_source(connection, who.tenant, ask.knowledge_base, ask.data_source)
        return found


def _custom(document: DirectDocument, param: str) -> custom.Custom:
    if document.source_uri is None:
        file_ending(document.media_type)  # refuses a type that has no parser
        if document.content is None:
            raise InvalidRequest("A document needs content or source_uri.", param=param)
    return custom.Custom(
        id=document.id,
        content=document.content,
        media_type=document.media_type,
        source_uri=document.source_uri,
        attributes=document.attributes,
        attributes_uri=document.attributes_uri,
    )


def _check_bucket_document(source: DataSource, document: DirectDocument, param: str) -> None:
    where = source.spec.source
    given = (document.content, document.source_uri, document.attributes, document.attributes_uri)
    if any(one is not None for one in given):
        raise InvalidRequest(
            "A document of an S3 data source comes from its bucket with its sidecar; "
            "give its URI only.",
            param=param,
        )
    if where.type == "S3":
        check_in_bucket(document.id, where.bucket, where.prefix, param=param)
