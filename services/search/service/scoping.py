"""From what the job runner asks to the scope that its step runs in."""

from collections.abc import Callable
from typing import Protocol

from sqlalchemy import Connection

from contracts.search.ingestion import Fence
from contracts.search.knowledge_bases import DataSource
from kit.auth.principal import Principal
from kit.database import Database
from services.search.repository import bases, sources
from services.search.service.embedding import Embedding
from services.search.service.knowledge_bases import collection_of
from services.search.service.scope import Scope
from services.search.service.sources import Source

OpenSource = Callable[[Principal, DataSource], Source]


class Ask(Protocol):
    """What every request of the runner says."""

    @property
    def knowledge_base(self) -> str: ...

    @property
    def data_source(self) -> str: ...

    @property
    def ingestion(self) -> str | None: ...

    @property
    def fence(self) -> Fence: ...


class Scoping:
    """Raises NotFound when the knowledge base or the data source is gone."""

    def __init__(self, database: Database, embedding: Embedding) -> None:
        self._database = database
        self._embedding = embedding

    async def of(self, who: Principal, ask: Ask) -> Scope:
        def read(connection: Connection) -> tuple[bases.Base, DataSource]:
            base = bases.base(connection, who.tenant, ask.knowledge_base)
            return base, sources.source(connection, who.tenant, ask.knowledge_base, ask.data_source)

        base, source = await self._database.read(read)
        dimension = (await self._embedding.embedder(base.model)).dimension
        collection = collection_of(base, dimension)
        return Scope(who, base, source, collection, ask.ingestion, ask.fence)
