"""The end of a deletion: a knowledge base or a data source taken out for good."""

from dataclasses import dataclass

from sqlalchemy import Connection

from contracts.search.ingestion import Fence, Removed, RemoveResources
from kit.auth.principal import Principal
from kit.database import Database
from kit.errors import NotFound
from kit.jobs.fence import fence
from services.search.ports import Index
from services.search.repository import documents, removal
from services.search.service.audit import Auditor
from services.search.service.indexing import Indexing
from services.search.service.scope import Scope
from services.search.service.scoping import Scoping
from services.search.service.versions import Versions

_AT_A_TIME = 200  # documents that one call takes out


@dataclass(frozen=True, slots=True)
class _Ask:
    knowledge_base: str
    data_source: str
    fence: Fence
    ingestion: None = None


class Removing:
    """To be called until nothing is left; a call too many finds nothing and is content."""

    def __init__(
        self,
        database: Database,
        index: Index,
        scoping: Scoping,
        indexing: Indexing,
        versions: Versions,
        auditor: Auditor,
    ) -> None:
        self._database = database
        self._index = index
        self._scoping = scoping
        self._indexing = indexing
        self._versions = versions
        self._auditor = auditor

    async def remove(self, who: Principal, ask: RemoveResources) -> Removed:
        if ask.data_source is None:
            await self._index.drop(ask.knowledge_base)
            await self._auditor.resource_removed(who, ask.knowledge_base, None)
            await self._write(ask, removal.base, who.tenant, ask.knowledge_base)
            return Removed(more=False)
        try:
            scope = await self._scoping.of(
                who, _Ask(ask.knowledge_base, ask.data_source, ask.fence)
            )
            return await self._source(scope, ask)
        except NotFound:  # it went, or goes, with its knowledge base: rows or collection are gone
            return Removed(more=False)

    async def _source(self, scope: Scope, ask: RemoveResources) -> Removed:
        id = scope.data_source.id
        if scope.data_source.spec.deletion_policy == "DELETE":
            some = await self._database.read(documents.some, scope.tenant, id, _AT_A_TIME)
            for document in some:
                await self._indexing.erase(scope, document)
            if some:
                return Removed(more=True)
        await self._versions.sweep(scope)
        await self._index.scrub(scope.collection.name)
        await self._auditor.resource_removed(scope.who, scope.knowledge_base, id)
        await self._write(ask, removal.source, scope.tenant, id)
        return Removed(more=False)

    async def _write(
        self, ask: RemoveResources, work: removal.Remove, tenant: str, id: str
    ) -> None:
        def run(connection: Connection) -> None:
            fence(connection, ask.fence.job, ask.fence.epoch)
            work(connection, tenant, id)

        await self._database.write(run)
        await self._database.scrub()
