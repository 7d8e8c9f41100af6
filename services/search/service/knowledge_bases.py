"""Making, changing and removing knowledge bases and data sources."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import Connection

from contracts.search.ingestion import REMOVAL
from contracts.search.knowledge_bases import (
    CreateDataSource,
    CreateKnowledgeBase,
    DataSource,
    DataSourceId,
    DataSources,
    KnowledgeBase,
    KnowledgeBases,
    KnowledgeBaseSpec,
    ListDataSources,
    Page,
    Tags,
    TagSet,
    UpdateDataSource,
    UpdateKnowledgeBase,
)
from kit.auth.principal import Principal
from kit.database import Database
from kit.errors import Conflict, InvalidRequest, NotFound, PlatformError
from kit.identifiers import resource_id
from kit.jobs.accept import accept_job
from kit.jobs.ports import Waker
from services.search.ports import CollectionSpec, Index
from services.search.repository import bases, ingestions, sources, tags
from services.search.service.chunking.strategy import parse_strategy
from services.search.service.embedding import Embedding
from services.search.service.readable import require_source
from services.search.service.tracking import reconcile

T = TypeVar("T")


class KnowledgeBaseService:
    """Use cases of the control plane; deletions are jobs, because vectors take their time."""

    def __init__(
        self, database: Database, index: Index, embedding: Embedding, waker: Waker
    ) -> None:
        self._database = database
        self._index = index
        self._embedding = embedding
        self._waker = waker

    async def create(self, who: Principal, ask: CreateKnowledgeBase) -> KnowledgeBase:
        model = self._model(ask.spec)
        dimension = self._embedding.check_dimensions(model, ask.spec.dimensions)
        if again := await self._database.read(bases.base_by_token, who.tenant, ask.client_token):
            return again.shown
        id = resource_id()
        # First, so that no row is ever without its collection; without a row it is just empty.
        await self._index.create(CollectionSpec(id, await self._native_dimension(model)))

        def make(connection: Connection) -> KnowledgeBase:
            made = bases.create_base(
                connection,
                who.tenant,
                ask.spec,
                id=id,
                model=model,
                dimension=dimension,
                client_token=ask.client_token,
            )
            if made.shown.id == id:
                tags.change_tags(connection, who.tenant, resource_arn(who, id), ask.spec.tags, [])
            return made.shown

        try:
            made = await self._database.write(make)
        except PlatformError:
            await self._index.drop(id)
            raise
        if made.id != id:
            await self._index.drop(id)
        return made

    async def get(self, who: Principal, id: str) -> KnowledgeBase:
        return (await self._database.read(bases.base, who.tenant, id)).shown

    async def list(self, who: Principal, page: Page) -> KnowledgeBases:
        found = await self._database.read(
            bases.list_bases, who.tenant, page.limit + 1, page.token or ""
        )
        items, next_token = cut(found, page.limit, lambda last: last.id)
        return KnowledgeBases(items=items, next_token=next_token)

    async def update(self, who: Principal, ask: UpdateKnowledgeBase) -> KnowledgeBase:
        before = await self._database.read(bases.base, who.tenant, ask.id)
        if self._model(ask.spec) != before.model:
            raise InvalidRequest(
                "The embedding model of a knowledge base can't be changed; create another one.",
                param="knowledgeBaseConfiguration",
            )
        return (await self._database.write(bases.update_base, who.tenant, ask.id, ask.spec)).shown

    async def delete(self, who: Principal, id: str) -> KnowledgeBase:
        def start(connection: Connection) -> KnowledgeBase:
            reconcile(connection, who.tenant, id)
            if running := ingestions.active(connection, who.tenant, id):
                raise Conflict(f"Ingestion job {running[0].id} still runs; stop it first.")
            gone = bases.set_base_status(connection, who.tenant, id, "DELETING").shown
            _accept_removal(connection, who, {"knowledge_base": id})
            return gone

        deleting = await self._database.write(start)
        await self._waker.wake()
        return deleting

    async def tags(self, who: Principal, ask: Tags) -> TagSet:
        """Changes the tags and tells them; asked to change nothing it just tells."""
        base = await self._database.read(bases.base, who.tenant, _id_of(ask.resource))
        if ask.resource != resource_arn(who, base.shown.id):
            raise NotFound(f"{ask.resource} does not exist.", param="resourceArn")
        after = await self._database.write(
            tags.change_tags, who.tenant, ask.resource, ask.set, ask.remove
        )
        return TagSet(tags=after)

    async def create_source(self, who: Principal, ask: CreateDataSource) -> DataSource:
        require_source(who, ask.spec)
        parse_strategy(ask.spec.chunking)  # refuses a bad one now, not at the first ingestion
        return await self._database.write(
            sources.create_source,
            who.tenant,
            ask.knowledge_base,
            ask.spec,
            client_token=ask.client_token,
        )

    async def source(self, who: Principal, ask: DataSourceId) -> DataSource:
        return await self._database.read(sources.source, who.tenant, ask.knowledge_base, ask.id)

    async def sources(self, who: Principal, ask: ListDataSources) -> DataSources:
        found = await self._database.read(
            sources.list_sources, who.tenant, ask.knowledge_base, ask.limit + 1, ask.token or ""
        )
        items, next_token = cut(found, ask.limit, lambda last: last.id)
        return DataSources(items=items, next_token=next_token)

    async def update_source(self, who: Principal, ask: UpdateDataSource) -> DataSource:
        require_source(who, ask.spec)

        def change(connection: Connection) -> DataSource:
            before = sources.source(connection, who.tenant, ask.knowledge_base, ask.id)
            if before.spec.chunking != ask.spec.chunking:
                raise InvalidRequest(
                    "The chunking of a data source can't be changed; create another one.",
                    param="vectorIngestionConfiguration.chunkingConfiguration",
                )
            if before.spec.source.type != ask.spec.source.type:
                raise InvalidRequest(
                    "The type of a data source can't be changed; create another one.",
                    param="dataSourceConfiguration.type",
                )
            if before.status != "AVAILABLE":
                raise Conflict(f"Data source {ask.id} is {before.status}.")
            return sources.update_source(
                connection, who.tenant, ask.knowledge_base, ask.id, ask.spec
            )

        return await self._database.write(change)

    async def delete_source(self, who: Principal, ask: DataSourceId) -> DataSource:
        def start(connection: Connection) -> DataSource:
            reconcile(connection, who.tenant, ask.knowledge_base)
            for running in ingestions.active(connection, who.tenant, ask.knowledge_base):
                if running.data_source == ask.id:
                    raise Conflict(f"Ingestion job {running.id} still runs; stop it first.")
            sources.source(connection, who.tenant, ask.knowledge_base, ask.id)
            gone = sources.set_source_status(
                connection, who.tenant, ask.knowledge_base, ask.id, "DELETING"
            )
            what = {"knowledge_base": ask.knowledge_base, "data_source": ask.id}
            _accept_removal(connection, who, what)
            return gone

        deleting = await self._database.write(start)
        await self._waker.wake()
        return deleting

    def _model(self, spec: KnowledgeBaseSpec) -> str:
        """Raises InvalidRequest: a model that is named in a body is not the resource asked for."""
        try:
            return self._embedding.resolve(spec.embedding_model)
        except NotFound as absent:
            raise InvalidRequest(absent.message, param="embeddingModelArn") from absent

    async def _native_dimension(self, model: str) -> int:
        return (await self._embedding.embedder(model)).dimension


def collection_of(base: bases.Base, dimension: int) -> CollectionSpec:
    """The index keeps the model's own dimension: padding changes no cosine and costs space."""
    spec = CollectionSpec(base.shown.id, dimension, base.shown.spec.language)
    if base.average_length is None:
        return spec
    return CollectionSpec(spec.name, dimension, spec.language, base.average_length)


def resource_arn(who: Principal, knowledge_base: str) -> str:
    return f"arn:aws:bedrock:us-east-1:{who.account}:knowledge-base/{knowledge_base}"


def cut(found: Sequence[T], limit: int, token: Callable[[T], str]) -> tuple[list[T], str | None]:
    """A page out of `limit + 1` rows, and the token of the next where there is one."""
    items = list(found[:limit])
    return items, token(items[-1]) if len(found) > limit else None


def _accept_removal(connection: Connection, who: Principal, what: dict[str, str]) -> None:
    """Another job each time: who asks again may do so because the last one failed."""
    accept_job(
        connection,
        tenant=who.tenant,
        kind=REMOVAL,
        input={**what, "account": who.account, "key": who.key},
    )


def _id_of(arn: str) -> str:
    return arn.rpartition("/")[2]
