"""On whose behalf an ingestion's step runs, and the claim that its writes are fenced by."""

from dataclasses import dataclass

from sqlalchemy import Connection

from contracts.search.ingestion import Fence
from contracts.search.knowledge_bases import DataSource
from kit.auth.principal import Principal
from kit.jobs.fence import fence
from services.search.ports import CollectionSpec
from services.search.repository import ingestions, sources
from services.search.repository.bases import Base


@dataclass(frozen=True, slots=True)
class Scope:
    """`ingestion` is None for documents that were asked for by name."""

    who: Principal
    base: Base
    data_source: DataSource
    collection: CollectionSpec
    ingestion: str | None
    fence: Fence

    @property
    def tenant(self) -> str:
        return self.who.tenant

    @property
    def knowledge_base(self) -> str:
        return self.base.shown.id

    def hold(self, connection: Connection) -> None:
        """Raises JobLost when the claim is over; until the transaction ends it is not."""
        fence(connection, self.fence.job, self.fence.epoch)

    def hold_open(self, connection: Connection) -> None:
        """As `hold`, for what adds: raises NotFound once the data source is being deleted."""
        self.hold(connection)
        sources.hold_source(connection, self.tenant, self.knowledge_base, self.data_source.id)

    def count(self, connection: Connection, *, reason: str | None = None, **more: int) -> None:
        """In the transaction whose effect is counted; direct requests have no statistics."""
        if self.ingestion is not None:
            ingestions.count(connection, self.tenant, self.ingestion, reason=reason, **more)
