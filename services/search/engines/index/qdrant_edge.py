"""The embedded index: Qdrant's engine in this process, one shard on disk per knowledge base."""

import asyncio
import fcntl
import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Final, TypeVar
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from kit.errors import NotFound, Unavailable
from services.search.engines.index import encoding, filters, fusion, lexical
from services.search.engines.index.edge_shard import DIALECT, EdgeShard, sync_folder
from services.search.ports import CollectionSpec, Hit, IndexQuery, Point

_T = TypeVar("_T")
_THREADS: Final = 4
_SCRATCH: Final = "."  # names that begin so are shards half made or half deleted


@dataclass(slots=True)
class _Slot:
    """A collection's turn-taking, and its shard while that is open."""

    lock: Lock = field(default_factory=Lock)
    shard: EdgeShard | None = None
    used: int = 0


class QdrantEdgeIndex:
    """Implements Index. One instance of one process owns `folder`: Unavailable if it is taken.

    Calls run on threads, one at a time for each collection. Shards are opened when they are first
    asked for; the `open_shards` used last stay open.
    """

    def __init__(self, folder: Path, *, open_shards: int = 16) -> None:
        self._folder = folder
        self._open_shards = open_shards
        self._slots: dict[str, _Slot] = {}
        self._clock = count()
        self._evicting = Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._owner = _own(folder)
        for leftover in folder.glob(f"{_SCRATCH}*/"):
            shutil.rmtree(leftover)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="index")

    async def create(self, spec: CollectionSpec) -> None:
        """Makes the collection durable; one that is there already stays as it is."""
        await self._run(partial(self._create, spec))

    async def drop(self, collection: str) -> None:
        await self._run(partial(self._drop, collection))

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
            self._with(spec.name, lambda shard: shard.upsert(rows))

        await self._run(write)

    async def delete(self, collection: str, document: str, version: int | None = None) -> None:
        gone = filters.of_document(DIALECT, document, version)
        await self._run(partial(self._with, collection, lambda shard: shard.delete(gone)))

    async def vectors(self, collection: str, ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        return await self._run(partial(self._with, collection, lambda shard: shard.vectors(ids)))

    async def search(self, spec: CollectionSpec, query: IndexQuery) -> list[Hit]:
        dense = encoding.dense_vector(spec, query.vector)
        sparse = lexical.encode_query(spec, query.text) if query.mode == "HYBRID" else None
        narrowed = filters.translate(query.filter, DIALECT) if query.filter else None

        def ask(shard: EdgeShard) -> list[list[Hit]]:
            shard.index_fields(query.filter)
            return shard.query(dense, sparse, narrowed, fusion.depth(query.limit))

        sides = await self._run(partial(self._with, spec.name, ask))
        return fusion.finish(query, sides[0], sides[1] if sparse else None)

    async def count(self, collection: str, *, document: str | None = None) -> int:
        which = None if document is None else filters.of_document(DIALECT, document)
        return await self._run(partial(self._with, collection, lambda shard: shard.count(which)))

    async def check(self) -> None:
        """Nothing to reach: the index is in this process."""

    async def close(self) -> None:
        """Waits for running calls, closes every shard and gives the folder up."""
        await self._run(self._close)
        self._threads.shutdown()
        os.close(self._owner)

    async def _run(self, call: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def _slot(self, collection: str) -> _Slot:
        return self._slots.setdefault(encoding.check_collection(collection), _Slot())

    def _with(self, collection: str, use: Callable[[EdgeShard], _T]) -> _T:
        slot = self._slot(collection)
        with slot.lock:
            slot.used = next(self._clock)
            opened = slot.shard is None
            if slot.shard is None:
                path = self._folder / collection
                if not path.is_dir():
                    raise NotFound(f"The index has no collection {collection}.")
                slot.shard = EdgeShard(path)
            result = use(slot.shard)
        if opened:
            self._evict()
        return result

    def _evict(self) -> None:
        """Closes the shards used longest ago, beyond the bound; a busy one is left for later."""
        with self._evicting:
            held = sorted((s for s in self._slots.values() if s.shard), key=lambda s: s.used)
            for slot in held[: max(0, len(held) - self._open_shards)]:
                if slot.lock.acquire(blocking=False):
                    try:
                        _close_shard(slot)
                    finally:
                        slot.lock.release()

    def _create(self, spec: CollectionSpec) -> None:
        slot = self._slot(spec.name)
        path = self._folder / spec.name
        with slot.lock:
            if path.is_dir():
                return
            scratch = self._folder / f"{_SCRATCH}{uuid4().hex}"
            EdgeShard.create(scratch, spec.dimension)
            scratch.rename(path)
            sync_folder(self._folder)

    def _drop(self, collection: str) -> None:
        slot = self._slot(collection)
        path = self._folder / collection
        with slot.lock:
            _close_shard(slot)
            if not path.is_dir():
                return
            scratch = self._folder / f"{_SCRATCH}{uuid4().hex}"
            path.rename(scratch)
            sync_folder(self._folder)
        shutil.rmtree(scratch)

    def _close(self) -> None:
        for slot in list(self._slots.values()):
            with slot.lock:
                _close_shard(slot)


def _close_shard(slot: _Slot) -> None:
    if slot.shard is not None:
        slot.shard.close()
        slot.shard = None


def _own(folder: Path) -> int:
    """A lock that ends with the process, however it ends."""
    descriptor = os.open(folder / "owner.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Unavailable(
            f"Another process owns the index in {folder}. Stop it, or give this one its own folder."
        ) from None
    return descriptor
