"""The embedded index: Qdrant's engine in this process, one shard on disk per knowledge base."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Event
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from services.search.engines.index import encoding, filters, fusion, lexical
from services.search.engines.index.edge_folder import Change, ShardFolder
from services.search.engines.index.edge_rewrite import rewrite
from services.search.engines.index.edge_shard import DIALECT, EdgeShard
from services.search.ports import CollectionSpec, Hit, IndexQuery, Point

_T = TypeVar("_T")
_THREADS: Final = 4


class QdrantEdgeIndex:
    """Implements Index. One instance of one process owns `folder`: Unavailable if it is taken.

    Calls run on threads, one at a time for each collection. Shards are opened when they are first
    asked for; the `open_shards` used last stay open. Scrubs run one after another on a thread of
    their own.
    """

    def __init__(self, folder: Path, *, open_shards: int = 16) -> None:
        self._shards = ShardFolder(folder, open_shards)
        self._closing = Event()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="index")
        self._scrubbing = ThreadPoolExecutor(1, thread_name_prefix="index-scrub")

    async def create(self, spec: CollectionSpec) -> None:
        """Makes the collection durable; one that is there already stays as it is."""
        name = encoding.check_collection(spec.name)
        await self._run(partial(self._shards.create, name, spec.dimension))

    async def drop(self, collection: str) -> None:
        await self._run(partial(self._shards.drop, encoding.check_collection(collection)))

    async def upsert(self, spec: CollectionSpec, points: Sequence[Point]) -> None:
        def write() -> None:
            dense = encoding.dense_rows(spec, points)
            rows = [
                (
                    point.id,
                    vector,
                    lexical.encode_document(spec, point.text),
                    encoding.payload(point.document, point.version, point.metadata),
                )
                for point, vector in zip(points, dense, strict=True)
            ]
            self._change(spec.name, lambda shard: shard.upsert(rows))

        await self._run(write)

    async def delete(self, collection: str, document: str, version: int | None = None) -> None:
        gone = filters.of_document(DIALECT, document, version)
        await self._run(partial(self._change, collection, lambda shard: shard.delete(gone)))

    async def vectors(self, collection: str, ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        return await self._ask(collection, lambda shard: shard.vectors(ids))

    async def search(self, spec: CollectionSpec, query: IndexQuery) -> list[Hit]:
        dense = encoding.dense_vector(spec, query.vector)
        sparse = lexical.encode_query(spec, query.text) if query.mode == "HYBRID" else None
        narrowed = filters.translate(query.filter, DIALECT) if query.filter else None

        def ask(shard: EdgeShard) -> list[list[Hit]]:
            shard.index_fields(query.filter)
            return shard.query(dense, sparse, narrowed, fusion.depth(query.limit))

        sides = await self._ask(spec.name, ask)
        return fusion.finish(query, sides[0], sides[1] if sparse else None)

    async def count(self, collection: str, *, document: str | None = None) -> int:
        which = None if document is None else filters.of_document(DIALECT, document)
        return await self._ask(collection, lambda shard: shard.count(which))

    async def scrub(self, collection: str) -> None:
        """Costs nothing where no point was deleted since the last one; else see `rewrite`."""
        name = encoding.check_collection(collection)
        await self._run(partial(rewrite, self._shards, name, self._closing), self._scrubbing)

    async def check(self) -> None:
        """Nothing to reach: the index is in this process."""

    async def close(self) -> None:
        """Waits for running calls, breaks scrubs off, closes every shard, gives the folder up."""
        self._closing.set()
        await self._run(self._scrubbing.shutdown)
        await self._run(self._shards.close)
        self._threads.shutdown()

    async def _run(self, call: Callable[[], _T], on: ThreadPoolExecutor | None = None) -> _T:
        return await asyncio.get_running_loop().run_in_executor(on or self._threads, call)

    async def _ask(self, collection: str, question: Callable[[EdgeShard], _T]) -> _T:
        name = encoding.check_collection(collection)

        def ask() -> _T:
            with self._shards.turn(name) as (_, shard):
                return question(shard)

        return await self._run(ask)

    def _change(self, collection: str, change: Change) -> None:
        self._shards.change(encoding.check_collection(collection), change)
