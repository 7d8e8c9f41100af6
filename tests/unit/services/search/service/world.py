"""A search service without a server: real rows, a real index, a real parser; time to crash it."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select, update

from contracts.search import ingestion as i
from contracts.search import knowledge_bases as k
from contracts.search.retrieval import Passage, RetrievalOptions, RetrieveRequest
from kit.auth.principal import Principal
from kit.catalogue import ModelEntry, load
from kit.database import Database, clock
from kit.errors import Conflict
from kit.identifiers import resource_id
from kit.jobs.cancel import cancel_job
from kit.jobs.finish import finish_job
from kit.jobs.lease import claim
from kit.jobs.tables import jobs
from services.search.engines.index.lexical import measure_average_length
from services.search.engines.index.qdrant_edge import QdrantEdgeIndex
from services.search.engines.parsing.limits import ParsingLimits
from services.search.engines.parsing.sandbox import SandboxedParser
from services.search.ports import Embedder, Index, Parser
from services.search.repository import tables
from services.search.service.answering import Answering
from services.search.service.audit import Auditor
from services.search.service.direct import DirectService
from services.search.service.embedding import Embedding
from services.search.service.indexing import Indexing
from services.search.service.ingesting import Ingesting
from services.search.service.ingestion import IngestionService
from services.search.service.knowledge_bases import KnowledgeBaseService
from services.search.service.preparing import Preparing
from services.search.service.removing import Removing
from services.search.service.retrieval import Retrieval
from services.search.service.scoping import Scoping
from services.search.service.sources import BucketSource, DirectSource, Source
from services.search.service.versions import Versions
from tests.unit.services.search.service.doubles import Buckets, Quoting, WordEmbedder

ANNA = Principal("anna", "111111111111", "key-1")
BERT = Principal("bert", "222222222222", "key-2")


class Silent:
    async def wake(self) -> None: ...


class World:
    """The use cases over one database and one index, as `services.search.app` composes them."""

    def __init__(self, database: Database, index: Index, parser: Parser) -> None:
        self.database = database
        self.index = index
        self.buckets = Buckets()
        self.embedder = WordEmbedder()
        self.generator = Quoting()
        self.audited: list[tuple[str, str]] = []
        auditor = Auditor(self._record)
        self.embedding = Embedding(load(), self._open)
        scoping = Scoping(database, self.embedding)
        preparing = Preparing(parser, self.embedding)
        self.versions = Versions(database, index)
        indexing = Indexing(database, index, self.embedding, preparing, self.versions, auditor)
        self.bases = KnowledgeBaseService(database, index, self.embedding, Silent())
        self.ingestion = IngestionService(database, Silent())
        self.direct = DirectService(database, Silent())
        self.ingesting = Ingesting(
            database,
            scoping,
            indexing,
            preparing,
            self.versions,
            self._source,
            measure_average_length,
            auditor,
        )
        self.removing = Removing(database, index, scoping, indexing, self.versions, auditor)
        self.retrieval = Retrieval(database, index, self.embedding)
        self.answering = Answering(database, self.retrieval, self.embedding, self.generator)

    async def _open(self, _: ModelEntry) -> Embedder:
        return self.embedder

    async def _record(
        self, who: Principal, operation: str, resource: str, details: dict[str, Any]
    ) -> None:
        self.audited.append((operation, resource))

    def _source(self, who: Principal, source: k.DataSource) -> Source:
        where = source.spec.source
        if where.type == "S3":
            return BucketSource(who.tenant, where.bucket, where.prefix, self.buckets)
        return DirectSource(self.database, who.tenant, source.id, self.buckets)

    async def base(self, who: Principal = ANNA, **spec: Any) -> str:
        made = k.KnowledgeBaseSpec(name=f"kb-{resource_id()}", **spec)
        return (await self.bases.create(who, k.CreateKnowledgeBase(spec=made))).id

    async def source(
        self, base: str, who: Principal = ANNA, *, custom: bool = False, **spec: Any
    ) -> "Corpus":
        bucket = f"docs-{resource_id().lower()}"
        where = {"type": "CUSTOM"} if custom else {"type": "S3", "bucket": bucket}
        prefix = spec.pop("prefix", "")
        if prefix:
            where["prefix"] = prefix
        made = k.DataSourceSpec.model_validate(
            {"name": f"ds-{resource_id()}", "source": where, **spec}
        )
        source = await self.bases.create_source(
            who, k.CreateDataSource(knowledge_base=base, spec=made)
        )
        return Corpus(self, who, base, source.id, bucket, self.buckets.of(who.tenant, bucket))

    async def corpus(self, who: Principal = ANNA, **spec: Any) -> "Corpus":
        return await self.source(await self.base(who), who, **spec)

    def claim(self, job: str) -> i.Fence:
        """The next attempt at a job; the one before, if any, is over from now on."""

        def take(connection: Connection) -> i.Fence:
            connection.execute(
                update(jobs)
                .where(jobs.c.id == job)
                .values(state="queued", run_at=clock(connection))
            )
            got = claim(connection, job, kinds=["ingestion", "removal"], owner="t", lease=60.0)
            assert got is not None
            return i.Fence(job=job, epoch=got.epoch)

        return self.database.write_now(take)

    def job_input(self, job: str) -> dict[str, Any]:
        query = select(jobs.c.input).where(jobs.c.id == job)
        found: dict[str, Any] = self.database.read_now(lambda c: c.execute(query).scalar_one())
        return found

    def jobs_in(self, *states: str, kind: str = "ingestion") -> list[str]:
        """In the order that they were accepted in."""
        query = select(jobs.c.id).where(jobs.c.state.in_(states), jobs.c.kind == kind)
        return list(
            self.database.read_now(lambda c: c.execute(query.order_by(jobs.c.id)).scalars())
        )

    def cancel(self, job: str) -> None:
        self.database.write_now(cancel_job, "anna", job)

    async def run(self, job: str, fence: i.Fence | None = None) -> i.Statistics:
        """What the worker does, one step after the other."""
        given, fence = self.job_input(job), fence or self.claim(job)
        who = ANNA if given["account"] == ANNA.account else BERT
        scope = {
            "knowledge_base": given["knowledge_base"],
            "data_source": given["data_source"],
            "ingestion": given["ingestion"],
            "fence": fence,
        }
        ask = i.PlanIngestion(**scope, documents=given["documents"], delete=given["delete"])
        for step in (await self.ingesting.plan(who, ask)).steps:
            await _persistently(self.ingesting.step, who, i.RunStep(**scope, step=step))
        done = await self.ingesting.finish(who, i.FinishIngestion(**scope))
        await self.database.write(finish_job, job, fence.epoch, result={}, effects=[])
        return done

    async def run_all(self) -> None:
        for job in self.jobs_in("queued"):
            await self.run(job)


class Corpus:
    """A knowledge base with a data source and the bucket behind it."""

    def __init__(
        self,
        world: World,
        who: Principal,
        base: str,
        source: str,
        bucket: str,
        files: dict[str, bytes],
    ) -> None:
        self.world = world
        self.who = who
        self.base = base
        self.source = source
        self.bucket = bucket
        self.files = files
        self.scope = {"knowledge_base": base, "data_source": source}

    def put(self, key: str, text: str | bytes, **sidecar: Any) -> None:
        self.files[key] = text.encode() if isinstance(text, str) else text
        if sidecar:
            self.describe(key, **sidecar)

    def describe(self, key: str, structure: Any = None, **attributes: Any) -> None:
        held: dict[str, Any] = {"metadataAttributes": attributes}
        if structure:
            held["documentStructureConfiguration"] = structure
        self.files[f"{key}.metadata.json"] = json.dumps(held).encode()

    def uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    async def start(self) -> i.Ingestion:
        return await self.world.ingestion.start(self.who, i.StartIngestion(**self.scope))

    async def sync(self) -> dict[str, int]:
        """The counts that are not zero."""
        statistics = await self.world.run((await self.start()).job)
        return {name: count for name, count in statistics.model_dump().items() if count}

    async def put_direct(self, id: str, text: str, **more: Any) -> None:
        document = i.DirectDocument.model_construct(id=id, content=text.encode(), **more)
        ask = i.PutDocuments.model_construct(**self.scope, documents=[document])
        await self.world.direct.put(self.who, ask)

    async def delete_direct(self, *ids: str) -> None:
        await self.world.direct.delete(self.who, i.DocumentIds(**self.scope, ids=list(ids)))

    async def status(self, id: str) -> i.Document:
        got = await self.world.direct.get(self.who, i.DocumentIds(**self.scope, ids=[id]))
        return got.items[0]

    async def retrieve(self, query: str, results: int = 100, **options: Any) -> list[Passage]:
        ask = RetrieveRequest(
            knowledge_base=self.base,
            query=query,
            options=RetrievalOptions(results=results, **options),
        )
        return (await self.world.retrieval.retrieve(self.who, ask)).items

    async def texts(self, query: str = "words", **options: Any) -> set[str]:
        return {one.text.strip() for one in await self.retrieve(query, **options)}

    async def ends_clean(self) -> None:
        """The index holds the points of the committed versions, and the ledger just these."""
        points, ledger = tables.chunks, tables.point_versions

        def look(connection: Connection) -> tuple[int, set[Any], set[Any]]:
            parents = select(points.c.parent).where(points.c.parent.is_not(None))
            mine = tables.documents.c.knowledge_base == self.base
            searched = connection.execute(
                select(func.count())
                .select_from(points.join(tables.documents))
                .where(mine, points.c.id.not_in(parents))
            ).scalar_one()
            noted = select(ledger.c.document, ledger.c.version, ledger.c.condemned).where(
                ledger.c.knowledge_base == self.base
            )
            held = select(tables.documents.c.uid, tables.documents.c.version).where(
                mine, tables.documents.c.version != 0
            )
            return (
                searched,
                {tuple(row) for row in connection.execute(noted)},
                {(*row, False) for row in connection.execute(held)},
            )

        searched, noted, held = self.world.database.read_now(look)
        assert noted == held
        assert await self.world.index.count(self.base) == searched


async def _persistently(
    step: Callable[[Principal, i.RunStep], Awaitable[None]], who: Principal, ask: i.RunStep
) -> None:
    for _ in range(4):
        try:
            return await step(who, ask)
        except Conflict:
            continue
    raise AssertionError(f"{ask.step} conflicts for ever")


@asynccontextmanager
async def open_world(folder: Path, url: str | None = None) -> AsyncIterator[World]:
    database = Database(url or f"sqlite:///{folder}/search.db")
    database.create_tables()
    index = QdrantEdgeIndex(folder / "index")
    parser = SandboxedParser(ParsingLimits())
    try:
        yield World(database, index, parser)
    finally:
        await parser.close()
        await index.close()
        database.close()
