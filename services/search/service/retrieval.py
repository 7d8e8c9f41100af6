"""Finding passages: the index proposes, the rows decide what is visible."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from contracts.search.retrieval import Passage, Passages, RetrievalOptions, RetrieveRequest
from kit.auth.principal import Principal
from kit.database import Database
from kit.errors import InvalidRequest
from services.search.ports import Hit, Index, IndexQuery
from services.search.repository import bases, chunks
from services.search.service.embedding import Embedding
from services.search.service.filters import parse_filter
from services.search.service.knowledge_bases import collection_of

CHUNK_ID = "x-amz-bedrock-kb-chunk-id"
SOURCE_START, SOURCE_END = "x-undercroft-source-start", "x-undercroft-source-end"
SIMILARITY = "x-undercroft-similarity"
_SPARE = 8  # hits looked at beyond the number wanted, in place of those not visible
_MOST_RANKED = 1000  # how deep pages go
# The shallow look ranks better than deeper ones, for half the time: far ranks say little.
_DEPTHS = (32, 128, _MOST_RANKED + _SPARE)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A visible chunk and how well it fits."""

    found: chunks.Found
    hit: Hit


@dataclass(frozen=True, slots=True)
class Ranking:
    """The best visible chunks, best first; `tokens` is what `model` read of the query."""

    best: list[Ranked]
    model: str
    tokens: int


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
        ranking = await self.rank(
            who, ask.knowledge_base, ask.query, ask.options, skip + ask.options.results + 1
        )
        ranked = ranking.best
        page = ranked[skip : skip + ask.options.results]
        more = len(ranked) > skip + ask.options.results and skip + len(page) < _MOST_RANKED
        return Passages(
            items=[passage(one) for one in page],
            next_token=str(skip + len(page)) if more else None,
            model=ranking.model,
            tokens=ranking.tokens,
        )

    async def rank(
        self,
        who: Principal,
        knowledge_base: str,
        query: str,
        options: RetrievalOptions,
        wanted: int,
    ) -> Ranking:
        """Up to `wanted` visible chunks, best first; parents come once, with their best child."""
        base = await self._database.read(bases.base, who.tenant, knowledge_base)
        bases.check_active(base)
        expression = parse_filter(options.filter) if options.filter is not None else None
        embedder = await self._embedding.embedder(base.model)
        embedded = await embedder.embed([query], kind="query")
        min_score = (
            options.min_score if options.min_score is not None else base.shown.spec.min_score
        )
        collection = collection_of(base, embedder.dimension)

        async def propose(limit: int) -> list[Hit]:
            return await self._index.search(
                collection,
                IndexQuery(
                    vector=embedded.vectors[0],
                    text=query,
                    mode=options.search_type or "HYBRID",
                    limit=limit,
                    filter=expression,
                ),
            )

        gathered = _Gathered(self._database, who.tenant, wanted, min_score)
        for depth in _DEPTHS:
            hits = await propose(depth)
            await gathered.take(hits)
            if gathered.is_full or len(hits) < depth:
                break
        return Ranking(gathered.best, base.model, sum(embedded.tokens))


class _Gathered:
    """Gathers visible chunks until there are enough.

    A deeper search only adds behind what a shallower one found: the order of a page does not
    depend on how many pages are asked for.
    """

    def __init__(
        self, database: Database, tenant: str, wanted: int, min_score: float | None
    ) -> None:
        self._database = database
        self._tenant = tenant
        self._wanted = wanted
        self._min_score = min_score
        self._best: dict[str, Ranked] = {}
        self._seen: set[str] = set()

    @property
    def is_full(self) -> bool:
        return len(self._best) >= self._wanted

    @property
    def best(self) -> list[Ranked]:
        return list(self._best.values())[: self._wanted]

    async def take(self, hits: Sequence[Hit]) -> None:
        new = [hit for hit in hits if hit.id not in self._seen and self._is_good(hit)]
        self._seen.update(hit.id for hit in new)
        while new and not self.is_full:
            few = self._wanted - len(self._best) + _SPARE
            some, new = new[:few], new[few:]
            await self._add(some)

    async def _add(self, hits: Sequence[Hit]) -> None:
        found = await self._database.read(chunks.visible, self._tenant, [hit.id for hit in hits])
        for hit in hits:  # best first: a parent keeps its best child's score
            if (chunk := found.get(hit.id)) is not None:
                self._best.setdefault(chunk.chunk, Ranked(chunk, hit))

    def _is_good(self, hit: Hit) -> bool:
        return self._min_score is None or (hit.similarity or 0.0) >= self._min_score


def passage(ranked: Ranked) -> Passage:
    """With the metadata keys that AWS adds, and the offsets in the source that it does not."""
    found, hit = ranked.found, ranked.hit
    metadata: dict[str, Any] = {
        **found.metadata,
        CHUNK_ID: found.chunk,
        SOURCE_START: found.start,
        SOURCE_END: found.end,
    }
    if hit.similarity is not None:  # the score of a hybrid search is of ranks: no cut-off fits it
        metadata[SIMILARITY] = hit.similarity
    return Passage(
        text=found.text,
        score=hit.score,
        similarity=hit.similarity,
        document=found.document_id,
        data_source=found.data_source,
        source_type="S3" if found.source_type == "S3" else "CUSTOM",
        chunk=found.chunk,
        start=found.start,
        end=found.end,
        page=found.page,
        metadata=metadata,
    )


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    if not (token.isascii() and token.isdecimal()) or len(token) > 4 or int(token) > _MOST_RANKED:
        raise InvalidRequest("This nextToken is not one that was given out.", param="nextToken")
    return int(token)
