"""Finding passages: the index proposes, the rows decide what is visible."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from contracts.search.retrieval import Passage, Passages, RetrievalOptions, RetrieveRequest
from kit.auth.principal import Principal
from kit.database import Database
from kit.errors import Conflict, InvalidRequest
from services.search.ports import Hit, Index, IndexQuery
from services.search.repository import documents
from services.search.repository import knowledge_bases as bases
from services.search.service.embedding import Embedding
from services.search.service.filters import parse_filter
from services.search.service.knowledge_bases import collection_of

CHUNK_ID = "x-amz-bedrock-kb-chunk-id"
SOURCE_START, SOURCE_END = "x-undercroft-source-start", "x-undercroft-source-end"
_SPARE = 8  # hits asked for beyond the number wanted, in place of those not visible
_MOST_RANKED = 1000  # how deep pages go


@dataclass(frozen=True, slots=True)
class Ranked:
    """A visible chunk and how well it fits."""

    found: documents.Found
    hit: Hit


class Retrieval:
    """Embeds the question, searches, and reads the texts of what a commit made visible."""

    def __init__(self, database: Database, index: Index, embedding: Embedding) -> None:
        self._database = database
        self._index = index
        self._embedding = embedding

    async def retrieve(self, who: Principal, ask: RetrieveRequest) -> Passages:
        if not ask.query.strip():
            raise InvalidRequest("The query must not be empty.", param="retrievalQuery.text")
        skip = _offset(ask.token)
        ranked = await self.rank(
            who, ask.knowledge_base, ask.query, ask.options, skip + ask.options.results + 1
        )
        page = ranked[skip : skip + ask.options.results]
        more = len(ranked) > skip + ask.options.results and skip + len(page) < _MOST_RANKED
        return Passages(
            items=[passage(one) for one in page],
            next_token=str(skip + len(page)) if more else None,
        )

    async def rank(
        self,
        who: Principal,
        knowledge_base: str,
        query: str,
        options: RetrievalOptions,
        wanted: int,
    ) -> list[Ranked]:
        """Up to `wanted` visible chunks, best first; parents come once, with their best child."""
        base = await self._database.read(bases.base, who.tenant, knowledge_base)
        if base.shown.status != "ACTIVE":
            raise Conflict(f"Knowledge base {knowledge_base} is {base.shown.status}.")
        expression = parse_filter(options.filter) if options.filter is not None else None
        embedder = await self._embedding.embedder(base.model)
        vector = (await embedder.embed([query], kind="query")).vectors[0]
        min_score = (
            options.min_score if options.min_score is not None else base.shown.spec.min_score
        )
        collection = collection_of(base, embedder.dimension)

        async def attempt(limit: int) -> tuple[int, list[Ranked]]:
            hits = await self._index.search(
                collection,
                IndexQuery(
                    vector=vector,
                    text=query,
                    mode=options.search_type or "HYBRID",
                    limit=limit,
                    filter=expression,
                ),
            )
            good = [hit for hit in hits if min_score is None or _similarity(hit) >= min_score]
            return len(hits), await self._database.read(_visible, who.tenant, good)

        limit = wanted + _SPARE
        proposed, ranked = await attempt(limit)
        while len(ranked) < wanted and proposed == limit and limit < _MOST_RANKED:
            limit = min(limit * 4, _MOST_RANKED)  # stale or merged hits took the places
            proposed, ranked = await attempt(limit)
        return ranked[:wanted]


def passage(ranked: Ranked) -> Passage:
    """With the metadata keys that AWS adds, and the offsets in the source that it does not."""
    found, hit = ranked.found, ranked.hit
    metadata: dict[str, Any] = {
        **found.metadata,
        CHUNK_ID: found.chunk,
        SOURCE_START: found.start,
        SOURCE_END: found.end,
    }
    return Passage(
        text=found.text,
        score=hit.score,
        similarity=hit.similarity,
        document=found.document_id,
        data_source=found.data_source,
        source_type="S3" if found.document_id.startswith("s3://") else "CUSTOM",
        chunk=found.chunk,
        start=found.start,
        end=found.end,
        page=found.page,
        metadata=metadata,
    )


def _visible(connection: Connection, tenant: str, hits: list[Hit]) -> list[Ranked]:
    found = documents.visible(connection, tenant, [hit.id for hit in hits])
    best: dict[str, Ranked] = {}
    for hit in hits:  # best first: a parent keeps its best child's score
        if (chunk := found.get(hit.id)) is not None:
            best.setdefault(chunk.chunk, Ranked(chunk, hit))
    return list(best.values())


def _similarity(hit: Hit) -> float:
    return hit.similarity if hit.similarity is not None else 0.0


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isdecimal() or int(token) > _MOST_RANKED:
        raise InvalidRequest("This nextToken is not one that was given out.", param="nextToken")
    return int(token)
