"""What the search service leaves in the audit log: whose documents came, and whose went."""

from typing import Any, Protocol

from contracts.search.ingestion import Statistics
from contracts.search.knowledge_bases import DataSource
from kit.auth.principal import Principal


class Record(Protocol):
    """Returns once the entry is durable."""

    async def __call__(
        self, who: Principal, operation: str, resource: str, details: dict[str, Any]
    ) -> None: ...


class Auditor:
    """Entries name documents by their URI and never hold text."""

    def __init__(self, record: Record) -> None:
        self._record = record

    async def document_erased(self, who: Principal, source: DataSource, document: str) -> None:
        await self._record(
            who,
            "search:EraseDocument",
            document,
            {"knowledge_base": source.knowledge_base, "data_source": source.id},
        )

    async def document_replaced(self, who: Principal, source: DataSource, document: str) -> None:
        """What the earlier version said is gone with it, somebody's data perhaps."""
        await self._record(
            who,
            "search:ReplaceDocument",
            document,
            {"knowledge_base": source.knowledge_base, "data_source": source.id},
        )

    async def ingestion_ended(
        self, who: Principal, data_source: str, ingestion: str, statistics: Statistics
    ) -> None:
        await self._record(
            who,
            "search:EndIngestion",
            ingestion,
            {"data_source": data_source, **statistics.model_dump()},
        )

    async def resource_removed(
        self, who: Principal, knowledge_base: str, data_source: str | None
    ) -> None:
        await self._record(
            who, "search:Remove", data_source or knowledge_base, {"knowledge_base": knowledge_base}
        )
