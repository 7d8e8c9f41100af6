"""The embedded index on disk: durability, one owner, few open shards."""

import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kit.errors import NotFound, StorageFull, Unavailable
from services.search.engines.index import edge_shard
from services.search.engines.index.qdrant_edge import QdrantEdgeIndex
from services.search.ports import CollectionSpec, Condition, IndexQuery, Point

SPEC = CollectionSpec(name="KB1", dimension=8)
ROOT = Path(__file__).resolve().parents[6]

_KILLED_AT_ONCE = """
import asyncio, os, signal, sys
from pathlib import Path
from uuid import UUID
from services.search.engines.index.qdrant_edge import QdrantEdgeIndex
from services.search.ports import CollectionSpec, Point

async def main():
    index = QdrantEdgeIndex(Path(sys.argv[1]))
    spec = CollectionSpec(name="KB1", dimension=8)
    await index.create(spec)
    await index.upsert(spec, [
        Point(str(UUID(int=i)), [float(i), *[1.0] * 7], f"word{i}", f"d{i % 5}", 1, {"n": float(i)})
        for i in range(300)
    ])
    await index.delete("KB1", "d1")
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def _points(numbers: range, document: str = "doc") -> list[Point]:
    ids = (f"00000000-0000-0000-0000-{number:012d}" for number in numbers)
    return [Point(id_, [1.0] * 8, "some words", document, 1, {"a": "x", "n": 1.0}) for id_ in ids]


async def _matching(index: QdrantEdgeIndex, where: Condition) -> int:
    hits = await index.search(SPEC, IndexQuery([1.0] * 8, "", "SEMANTIC", 100, where))
    return len(hits)


async def test_what_returned_survives_a_kill_that_follows_at_once(tmp_path: Path) -> None:
    child = subprocess.run(
        [sys.executable, "-c", _KILLED_AT_ONCE, str(tmp_path)], cwd=ROOT, timeout=60, check=False
    )
    assert child.returncode == -signal.SIGKILL
    index = QdrantEdgeIndex(tmp_path)
    assert await index.count("KB1") == 240
    assert await index.count("KB1", document="d1") == 0
    await index.close()


async def test_the_log_alone_brings_writes_back(tmp_path: Path) -> None:
    """What a power cut leaves: segments as last flushed, and the log, which was forced to disk."""
    live, cut = tmp_path / "live", tmp_path / "cut"
    index = QdrantEdgeIndex(live)
    await index.create(SPEC)
    shutil.copytree(live, cut)
    await index.upsert(SPEC, _points(range(100)))
    await index.upsert(SPEC, _points(range(100, 130), "other"))
    await index.delete("KB1", "other")
    shutil.rmtree(cut / "KB1" / "wal")
    shutil.copytree(live / "KB1" / "wal", cut / "KB1" / "wal")
    restored = QdrantEdgeIndex(cut)
    assert await restored.count("KB1") == 100
    assert await restored.count("KB1", document="other") == 0
    await index.close()
    await restored.close()


async def test_writes_force_the_log_to_disk_before_they_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = QdrantEdgeIndex(tmp_path)
    await index.create(SPEC)
    synced: list[Path] = []
    real = edge_shard.sync_folder
    monkeypatch.setattr(
        edge_shard,
        "sync_folder",
        lambda folder, *, files=False: (synced.append(folder), real(folder, files=files)),
    )
    await index.upsert(SPEC, _points(range(3)))
    await index.delete("KB1", "doc")
    log = tmp_path / "KB1" / "wal"
    assert synced == [log, log.parent, log], "a deletion is noted for the next scrub first"
    await index.close()


async def test_a_folder_has_one_owner_until_it_closes(tmp_path: Path) -> None:
    first = QdrantEdgeIndex(tmp_path)
    with pytest.raises(Unavailable, match="Another process owns the index"):
        QdrantEdgeIndex(tmp_path)
    await first.close()
    await QdrantEdgeIndex(tmp_path).close()


async def test_a_shard_that_another_process_holds_is_a_clear_error(tmp_path: Path) -> None:
    index = QdrantEdgeIndex(tmp_path)
    await index.create(SPEC)
    stranger = edge_shard.EdgeShard(tmp_path / "KB1")
    with pytest.raises(Unavailable, match="Another process has the index KB1 open"):
        await index.count("KB1")
    stranger.close()
    assert await index.count("KB1") == 0
    await index.close()


async def test_only_the_shards_used_last_stay_open(tmp_path: Path) -> None:
    index = QdrantEdgeIndex(tmp_path, open_shards=2)
    specs = [replace(SPEC, name=f"KB{i}") for i in range(4)]
    for i, spec in enumerate(specs):
        await index.create(spec)
        await index.upsert(spec, _points(range(i + 1)))
    assert index._shards.open == {"KB2", "KB3"}
    assert [await index.count(spec.name) for spec in specs] == [1, 2, 3, 4]
    await index.close()


async def test_shards_half_made_or_half_deleted_are_swept_at_the_start(tmp_path: Path) -> None:
    index = QdrantEdgeIndex(tmp_path)
    await index.create(SPEC)
    await index.close()
    (tmp_path / "KB1").rename(tmp_path / ".half")
    index = QdrantEdgeIndex(tmp_path)
    assert not (tmp_path / ".half").exists()
    with pytest.raises(NotFound):
        await index.count("KB1")
    await index.close()


async def test_a_full_disk_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = QdrantEdgeIndex(tmp_path)
    await index.create(SPEC)
    await index.upsert(SPEC, _points(range(1)))
    monkeypatch.setattr(edge_shard, "_RESERVE", 2**63)
    with pytest.raises(StorageFull):
        await index.upsert(SPEC, _points(range(1, 2)))
    with pytest.raises(StorageFull):
        await index.create(replace(SPEC, name="KB2"))
    await index.delete("KB1", "doc")  # freeing is always allowed
    assert await index.count("KB1") == 0
    await index.close()


async def test_a_shard_is_not_opened_nor_deleted_from_where_its_log_finds_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = QdrantEdgeIndex(tmp_path)
    await index.create(SPEC)
    monkeypatch.setattr(edge_shard, "_LEAST", 2**63)
    with pytest.raises(StorageFull):
        await index.count("KB1")
    monkeypatch.undo()
    assert await index.count("KB1") == 0
    monkeypatch.setattr(edge_shard, "_LEAST", 2**63)
    with pytest.raises(StorageFull):
        await index.delete("KB1", "doc")
    await index.close()


async def test_a_field_is_indexed_when_a_filter_first_compares_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge_shard, "_MIN_SCAN", 10)
    index = QdrantEdgeIndex(tmp_path)
    await index.create(SPEC)
    await index.upsert(SPEC, _points(range(20)))
    assert await _matching(index, Condition("greaterThan", "n", 0.5)) == 20
    assert await _matching(index, Condition("greaterThan", "absent", 0.5)) == 0
    await index.close()
    shard = edge_shard.EdgeShard(tmp_path / "KB1")
    assert shard._indexed == {"document", "keys", "terms", "numbers.n"}
    shard.close()
