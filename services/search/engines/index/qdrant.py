"""The index on a Qdrant server (1.20 or newer), one collection per knowledge base."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from kit.errors import NotFound, StorageFull, Unavailable, Unsupported, UpstreamFailed
from services.search.engines.index import encoding, filters, fusion, lexical
from services.search.engines.index.encoding import DENSE, DOCUMENT, KEYS, SPARSE, TERMS, VERSION
from services.search.engines.index.filters import Dialect
from services.search.ports import CollectionSpec, Filter, Hit, IndexQuery, Point

DIALECT: Final = Dialect(
    filter=models.Filter,
    field=models.FieldCondition,
    value=models.MatchValue,
    any=models.MatchAny,
    prefix=models.MatchPrefix,
    substring=models.MatchSubstring,
    range=models.Range,
)
IN_MEMORY: Final = ":memory:"
_OLDEST: Final = [1, 20]
_BATCH: Final = 256
_MAX_INDEXES: Final = 32
_KEYWORD: Final = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD)
_PREFIXED: Final = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, prefix=True)
_FLOAT: Final = models.FloatIndexParams(type=models.FloatIndexType.FLOAT)


class QdrantIndex:
    """Implements Index. `url` may be `:memory:`: the client library's own store, for tests."""

    def __init__(self, url: str, api_key: str | None = None, *, timeout_s: int = 30) -> None:
        # The client's own look at the version is a thread that only warns; `check` refuses.
        self._client = AsyncQdrantClient(
            location=url, api_key=api_key, timeout=timeout_s, check_compatibility=False
        )
        self._has_indexes = url != IN_MEMORY
        self._indexed: dict[str, set[str]] = {}

    async def create(self, spec: CollectionSpec) -> None:
        name = encoding.check_collection(spec.name)
        async with _translated(name):
            if not await self._client.collection_exists(name):
                await self._client.create_collection(
                    name,
                    vectors_config={
                        DENSE: models.VectorParams(
                            size=spec.dimension, distance=models.Distance.COSINE
                        )
                    },
                    sparse_vectors_config={
                        SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)
                    },
                )
            await self._index(name, DOCUMENT, _KEYWORD)
            await self._index(name, KEYS, _KEYWORD)
            await self._index(name, TERMS, _PREFIXED)

    async def drop(self, collection: str) -> None:
        async with _translated(encoding.check_collection(collection)):
            if await self._client.collection_exists(collection):
                await self._client.delete_collection(collection)
        self._indexed.pop(collection, None)

    async def upsert(self, spec: CollectionSpec, points: Sequence[Point]) -> None:
        name = encoding.check_collection(spec.name)
        dense = encoding.dense_rows(spec, points)
        rows = [_row(spec, point, row) for point, row in zip(points, dense, strict=True)]
        async with _translated(name):
            for start in range(0, len(rows), _BATCH):
                await self._client.upsert(name, rows[start : start + _BATCH], wait=True)

    async def delete(self, collection: str, document: str, version: int | None = None) -> None:
        gone = models.FilterSelector(filter=filters.of_document(DIALECT, document, version))
        async with _translated(encoding.check_collection(collection)):
            await self._client.delete(collection, gone, wait=True)

    async def vectors(self, collection: str, ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        found: dict[str, NDArray[np.float32]] = {}
        async with _translated(encoding.check_collection(collection)):
            for start in range(0, len(ids), _BATCH):
                batch = list(ids[start : start + _BATCH])
                points = await self._client.retrieve(
                    collection, batch, with_payload=False, with_vectors=[DENSE]
                )
                found |= {str(point.id): _dense(point) for point in points}
        return found

    async def search(self, spec: CollectionSpec, query: IndexQuery) -> list[Hit]:
        name = encoding.check_collection(spec.name)
        dense = encoding.dense_vector(spec, query.vector)
        sparse = lexical.encode_query(spec, query.text) if query.mode == "HYBRID" else None
        narrowed = filters.translate(query.filter, DIALECT) if query.filter else None
        limit = fusion.depth(query.limit)
        requests = [_request(DENSE, dense, narrowed, limit)]
        if sparse is not None:
            requests.append(_request(SPARSE, _sparse(sparse), narrowed, limit))
        async with _translated(name):
            await self._index_fields(name, query.filter)
            answers = await self._client.query_batch_points(name, requests)
        sides = [[_hit(point) for point in answer.points] for answer in answers]
        return fusion.finish(query, sides[0], sides[1] if sparse else None)

    async def count(self, collection: str, *, document: str | None = None) -> int:
        which = None if document is None else filters.of_document(DIALECT, document)
        async with _translated(encoding.check_collection(collection)):
            return (await self._client.count(collection, count_filter=which, exact=True)).count

    async def scrub(self, collection: str) -> None:
        """Asks the server for nothing, since it has no such call.

        Its optimizers rewrite a segment without its deleted points once these are more than the
        thresholds say (`deleted_threshold` and `vacuum_min_vector_number` of its configuration).
        Until then the bytes stay in its files.
        """

    async def check(self) -> None:
        """Raises Unavailable, and Unsupported for a server that lacks what is used here."""
        async with _translated(""):
            version = (await self._client.info()).version
        if [int(part) for part in version.split(".")[:2]] < _OLDEST:
            raise Unsupported(f"The index server is Qdrant {version}; 1.20 or newer is needed.")

    async def close(self) -> None:
        await self._client.close()

    async def _index_fields(self, name: str, filter_: Filter | None) -> None:
        """Has the server index the fields that a filter compares, the first time that it does."""
        wanted = filters.scanned_fields(filter_)
        if not wanted or not self._has_indexes:
            return
        if name not in self._indexed:
            self._indexed[name] = set((await self._client.get_collection(name)).payload_schema)
        known = self._indexed[name]
        for path in wanted:
            if path not in known and len(known) < _MAX_INDEXES:
                await self._index(name, path, _FLOAT if path.startswith("numbers.") else _KEYWORD)
                known.add(path)

    async def _index(self, name: str, path: str, schema: Any) -> None:
        if self._has_indexes:  # the store in memory warns that it has none
            await self._client.create_payload_index(name, path, schema, wait=True)


def _dense(point: models.Record) -> NDArray[np.float32]:
    held = point.vector
    return np.asarray(held[DENSE] if isinstance(held, dict) else held, np.float32)


def _row(spec: CollectionSpec, point: Point, dense: list[float]) -> models.PointStruct:
    sparse = _sparse(lexical.encode_document(spec, point.text))
    payload = encoding.payload(point.document, point.version, point.metadata)
    return models.PointStruct(id=point.id, vector={DENSE: dense, SPARSE: sparse}, payload=payload)


def _sparse(vector: lexical.SparseVector) -> models.SparseVector:
    return models.SparseVector(indices=vector.indices, values=vector.values)


def _request(using: str, vector: Any, narrowed: Any, limit: int) -> models.QueryRequest:
    return models.QueryRequest(
        query=vector,
        using=using,
        filter=narrowed,
        limit=limit,
        with_payload=models.PayloadSelectorInclude(include=[DOCUMENT, VERSION]),
    )


def _hit(point: models.ScoredPoint) -> Hit:
    found = point.payload or {}
    return Hit(str(point.id), found[DOCUMENT], found[VERSION], float(point.score))


@asynccontextmanager
async def _translated(collection: str) -> AsyncIterator[None]:
    """The client's errors as ours; ValueError is how its store in memory says 'not found'."""
    missing = f"The index has no collection {collection}."
    try:
        yield
    except UnexpectedResponse as error:
        if error.status_code == 404:
            raise NotFound(missing) from error
        if error.status_code == 507:
            raise StorageFull("The index server's disk is full.") from error
        if error.status_code in (429, 503):
            raise Unavailable("The index server is busy.", retry_after=1.0) from error
        raise UpstreamFailed(f"The index server answered {error.status_code}.") from error
    except ResponseHandlingException as error:
        raise Unavailable("The index server cannot be reached.", retry_after=1.0) from error
    except ValueError as error:
        if "not found" in str(error):
            raise NotFound(missing) from error
        raise
