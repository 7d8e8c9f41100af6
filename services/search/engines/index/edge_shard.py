"""One collection on disk: a qdrant-edge shard whose writes are durable when they return.

The library appends each update to a write-ahead log through a memory map and replays it when the
shard is opened. What makes an update survive a power cut is that the log's pages reach the disk:
`os.fsync` of the log files does that with the GIL released. The library's own `flush` also
writes out every segment and holds the GIL for 50 to 150 ms, so it runs only now and then, to keep
the replay short.
"""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias
from uuid import UUID

import numpy as np
import qdrant_edge as edge
from numpy.typing import NDArray

from kit.errors import Internal, StorageFull, Unavailable
from services.search.engines.index.encoding import DENSE, DOCUMENT, KEYS, SPARSE, TERMS, VERSION
from services.search.engines.index.filters import Dialect, scanned_fields
from services.search.engines.index.lexical import SparseVector
from services.search.ports import Filter, Hit

DIALECT: Final = Dialect(
    filter=edge.Filter,
    field=edge.FieldCondition,
    value=edge.MatchValue,
    any=edge.MatchAny,
    prefix=edge.MatchPrefix,
    substring=edge.MatchSubstring,
    range=edge.RangeFloat,
)
_BATCH: Final = 64  # points of one update: the GIL is held for about 3 ms
_FLUSH_EVERY: Final = 10_000  # points that a restart may have to replay
_MIN_SCAN: Final = 2_000  # below this many points, reading a field costs less than an index
_MAX_INDEXES: Final = 32
_RESERVE: Final = 256 * 2**20  # a full disk under a memory map kills the process
_LEAST: Final = 64 * 2**20  # for what only reads or deletes: the log's next segment, and some
_STALE: Final = "stale"  # a file that is there while others may hold bytes of deleted points

Row: TypeAlias = tuple[str, list[float], SparseVector, dict[str, Any]]
"""A point's id, its dense and its sparse vector, its payload."""


class EdgeShard:
    """An open collection. Not for several threads at once; the caller takes turns."""

    def __init__(self, path: Path) -> None:
        check_space(path, reserve=_LEAST)  # the log gets a new segment
        with _translated(path):
            self._shard: Any = edge.EdgeShard.load(str(path))
            self._indexed = set(self._shard.info().payload_schema)
        self.path = path
        self._unflushed = 0

    @staticmethod
    def create(path: Path, dimension: int, fields: Sequence[str] = ()) -> None:
        """Makes an empty shard in a new folder, `fields` indexed too, and closes it."""
        check_space(path.parent)
        config = edge.EdgeConfig(
            vectors={DENSE: edge.EdgeVectorParams(size=dimension, distance=edge.Distance.Cosine)},
            sparse_vectors={SPARSE: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)},
            max_search_threads=1,
        )
        path.mkdir()
        index = edge.UpdateOperation.create_field_index
        with _translated(path):
            shard = edge.EdgeShard.create(str(path), config)
            shard.update(index(DOCUMENT, edge.KeywordIndexParams()))
            shard.update(index(KEYS, edge.KeywordIndexParams()))
            shard.update(index(TERMS, edge.KeywordIndexParams(prefix=True)))
            for field in fields:
                shard.update(index(field, _index_of(field)))
            shard.flush()
            shard.close()

    @property
    def dimension(self) -> int:
        config = json.loads((self.path / "edge_config.json").read_bytes())
        return int(config["vectors"][DENSE]["size"])

    @property
    def is_stale(self) -> bool:
        """Whether a point was deleted since the shard was made."""
        return (self.path / _STALE).exists()

    def size(self) -> int:
        """Bytes that its files take up on the disk."""
        return sum(path.stat().st_blocks * 512 for path in self.path.rglob("*") if path.is_file())

    def upsert(self, points: Sequence[Row]) -> None:
        self.load(points)
        self._sync_log()

    def load(self, points: Sequence[Row]) -> None:
        """As `upsert`, but durable only after a `flush`."""
        check_space(self.path)
        for start in range(0, len(points), _BATCH):
            batch = [
                edge.Point(id_, {DENSE: dense, SPARSE: _sparse(sparse)}, payload)
                for id_, dense, sparse, payload in points[start : start + _BATCH]
            ]
            self._append(edge.UpdateOperation.upsert_points(batch))
        self._unflushed += len(points)
        if self._unflushed >= _FLUSH_EVERY:
            self.flush()

    def delete(self, filter_: Any) -> None:
        check_space(self.path, reserve=_LEAST)
        if not self.is_stale:
            (self.path / _STALE).touch()
            sync_folder(self.path)
        self._append(edge.UpdateOperation.delete_points_by_filter(filter_))
        self._sync_log()

    def page(self, after: str | None) -> tuple[list[Row], str | None]:
        """Some of the points, in the order of their ids, and where the next ones begin."""
        request = edge.ScrollRequest(
            offset=after and UUID(after), limit=_BATCH, with_payload=True, with_vector=True
        )
        with _translated(self.path):
            points, following = self._shard.scroll(request)
        return [_row(point) for point in points], following and str(following)

    def vectors(self, ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """The dense vectors of the points that are there."""
        with _translated(self.path):
            found = self._shard.retrieve(list(ids), with_payload=False, with_vector=[DENSE])
        return {str(point.id): np.asarray(point.vector[DENSE], np.float32) for point in found}

    def count(self, filter_: Any = None) -> int:
        with _translated(self.path):
            return int(self._shard.count(edge.CountRequest(filter=filter_)))

    def query(
        self, dense: list[float], sparse: SparseVector | None, filter_: Any, limit: int
    ) -> list[list[Hit]]:
        """The best hits of the dense side and, where asked, of the lexical one."""
        sides = [edge.Query.Nearest(dense, using=DENSE)]
        if sparse is not None:
            sides.append(edge.Query.Nearest(_sparse(sparse), using=SPARSE))
        fields = edge.PayloadSelector.Include([DOCUMENT, VERSION])
        requests = [
            edge.QueryRequest(limit=limit, query=side, filter=filter_, with_payload=fields)
            for side in sides
        ]
        with _translated(self.path):
            answers = self._shard.query_batch(edge.QueryBatchRequest(requests))
        return [[_hit(point) for point in answer] for answer in answers]

    def index_fields(self, filter_: Filter | None) -> None:
        """Builds the payload indexes that a filter gains from, the first time that it is used."""
        missing = {p: key for p, key in scanned_fields(filter_).items() if p not in self._indexed}
        if not missing or len(self._indexed) >= _MAX_INDEXES or self.count() < _MIN_SCAN:
            return
        for path, key in missing.items():
            if self._has(key):
                self._append(edge.UpdateOperation.create_field_index(path, _index_of(path)))
                self._indexed.add(path)

    def used_indexes(self) -> list[str]:
        """The fields indexed for a filter that some point still has."""
        fields = self._indexed - {DOCUMENT, KEYS, TERMS}
        return [field for field in fields if self._has(field.partition(".")[2])]

    def flush(self) -> None:
        with _translated(self.path):
            self._shard.flush()
        self._unflushed = 0

    def close(self, *, discard: bool = False) -> None:
        """`discard` leaves what is not flushed to the log."""
        if not discard:
            self.flush()
        with _translated(self.path):
            self._shard.close()

    def _has(self, key: str) -> bool:
        return bool(self.count(DIALECT.filter(must=[DIALECT.term(KEYS, key)])))

    def _append(self, operation: Any) -> None:
        with _translated(self.path):
            self._shard.update(operation)

    def _sync_log(self) -> None:
        sync_folder(self.path / "wal", files=True)


def sync_folder(folder: Path, *, files: bool = False) -> None:
    """Forces a folder's entries, and the bytes of its files if asked, to the disk.

    A `tmp-` file is the log's next segment, which a thread of the library is about to rename; it
    holds no update yet.
    """
    held = [path for path in folder.iterdir() if _is_settled(path)] if files else []
    for path in [*held, folder]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _is_settled(path: Path) -> bool:
    return path.is_file() and not path.name.startswith("tmp-")


def check_space(folder: Path, needed: int = 0, *, reserve: int | None = None) -> None:
    """StorageFull unless the disk has `needed` bytes and some to spare."""
    spare = _RESERVE if reserve is None else reserve
    if shutil.disk_usage(folder).free < needed + spare:
        raise StorageFull("The index's disk is nearly full; free some space and try again.")


def _sparse(vector: SparseVector) -> Any:
    return edge.SparseVector(vector.indices, vector.values)


def _index_of(field: str) -> Any:
    return edge.FloatIndexParams() if field.startswith("numbers.") else edge.KeywordIndexParams()


def _row(point: Any) -> Row:
    sparse = point.vector[SPARSE]
    words = SparseVector(list(sparse.indices), list(sparse.values))
    return str(point.id), point.vector[DENSE], words, point.payload


def _hit(point: Any) -> Hit:
    payload = point.payload  # made anew each time that it is asked for
    return Hit(str(point.id), payload[DOCUMENT], payload[VERSION], float(point.score))


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """The library raises bare `Exception`s; they leave here as ours."""
    try:
        yield
    except Exception as error:
        if "WouldBlock" in str(error):
            raise Unavailable(
                f"Another process has the index {path.name} open; only one may.", retry_after=1.0
            ) from error
        if "No space left" in str(error) or "os error 28" in str(error):
            raise StorageFull("The index's disk is full; free some space.") from error
        raise Internal(f"The index {path.name} failed: {error}") from error
