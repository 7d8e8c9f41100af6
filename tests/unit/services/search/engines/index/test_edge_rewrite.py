"""A shard written anew: no byte of what was deleted, and one good shard wherever it breaks off."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from kit.errors import NotFound, StorageFull, Unavailable
from services.search.engines.index import edge_rewrite, edge_shard
from services.search.engines.index.qdrant_edge import QdrantEdgeIndex
from services.search.ports import CollectionSpec, Condition, IndexQuery, Metadata, Point

SPEC = CollectionSpec(name="KB1", dimension=8)
ROOT = Path(__file__).resolve().parents[6]
SECRET = np.array([0.1234, 0.5678, -0.91, 0.3, 0.77, -0.2, 0.41, 0.05], np.float32)
SECRET /= np.linalg.norm(SECRET)
CANARIES = [b"canary@example", b"secret-key", b"gone.txt", SECRET.tobytes()]


def _points(numbers: range, document: str = "kept.txt") -> list[Point]:
    ids = (str(UUID(int=number)) for number in numbers)
    return [Point(id_, [1.0] * 8, "some words", document, 1, {"n": 1.0}) for id_ in ids]


async def _filled(folder: Path) -> QdrantEdgeIndex:
    index = QdrantEdgeIndex(folder)
    await index.create(SPEC)
    await index.upsert(SPEC, _points(range(100)))
    secret: Metadata = {
        "mail": "canary@example",
        "secret-key": 2.5,
        "tags": ["x", "canary@example"],
    }
    await index.upsert(
        SPEC, [Point(str(UUID(int=500)), SECRET, "their words", "gone.txt", 1, secret)]
    )
    return index


def _left(folder: Path) -> set[bytes]:
    held = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    named = [str(path.relative_to(folder)).encode() for path in folder.rglob("*")]
    return {word for word in CANARIES if any(word in each for each in [*held, *named])}


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def test_nothing_of_a_deleted_point_stays_in_any_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge_shard, "_MIN_SCAN", 0)
    index = await _filled(tmp_path)
    for key in ("secret-key", "n"):
        where = Condition("greaterThan", key, 0.0)
        await index.search(SPEC, IndexQuery([1.0] * 8, "", "SEMANTIC", 10, where))
    assert _left(tmp_path) == set(CANARIES)
    await index.delete("KB1", "gone.txt")
    assert _left(tmp_path) == set(CANARIES), "deleting alone leaves them"
    await index.scrub("KB1")
    assert _left(tmp_path) == set()
    assert _names(tmp_path) == {"KB1", "owner.lock"}
    await index.close()
    shard = edge_shard.EdgeShard(tmp_path / "KB1")
    assert shard._indexed == {"document", "keys", "terms", "numbers.n"}
    shard.close()


async def test_where_nothing_was_deleted_nothing_is_written(tmp_path: Path) -> None:
    index = await _filled(tmp_path)
    before = (tmp_path / "KB1").stat().st_ino
    await index.scrub("KB1")
    assert (tmp_path / "KB1").stat().st_ino == before
    await index.delete("KB1", "gone.txt")
    await index.scrub("KB1")
    assert (tmp_path / "KB1").stat().st_ino != before
    await index.close()


async def test_a_deletion_before_a_restart_is_scrubbed_after_it(tmp_path: Path) -> None:
    index = await _filled(tmp_path)
    await index.delete("KB1", "gone.txt")
    await index.close()
    index = QdrantEdgeIndex(tmp_path)
    await index.scrub("KB1")
    assert _left(tmp_path) == set()
    await index.close()


_KILLED = """
import asyncio, os, shutil, signal, sys
from pathlib import Path
from services.search.engines.index.edge_shard import EdgeShard
from tests.unit.services.search.engines.index.test_edge_rewrite import _filled

def deadly(owner, name, at):
    real, calls = getattr(owner, name), iter(range(100))
    def call(*args, **kwargs):
        if next(calls) == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)
    setattr(owner, name, call)

async def main():
    index = await _filled(Path(sys.argv[1]))
    await index.delete("KB1", "gone.txt")
    owner = {"EdgeShard": EdgeShard, "Path": Path, "shutil": shutil}[sys.argv[2]]
    deadly(owner, sys.argv[3], int(sys.argv[4]))
    await index.scrub("KB1")

asyncio.run(main())
"""

POINTS = {
    "while copying": ("EdgeShard", "load", "1"),
    "with the copy whole": ("Path", "rename", "0"),
    "with the copy ready": ("Path", "rename", "1"),
    "with none in place": ("Path", "rename", "2"),
    "with the copy in place": ("shutil", "rmtree", "0"),
}


@pytest.mark.parametrize("point", POINTS)
async def test_a_kill_leaves_one_good_shard(tmp_path: Path, point: str) -> None:
    arguments = [sys.executable, "-c", _KILLED, str(tmp_path), *POINTS[point]]
    child = subprocess.run(arguments, cwd=ROOT, timeout=120, check=False)
    assert child.returncode == -signal.SIGKILL
    assert ("KB1" in _names(tmp_path)) == (point != "with none in place")
    index = QdrantEdgeIndex(tmp_path)
    assert _names(tmp_path) == {"KB1", "owner.lock"}
    if point in ("with none in place", "with the copy in place"):
        assert _left(tmp_path) == set()
    assert await index.count("KB1") == 100
    hits = await index.search(SPEC, IndexQuery([1.0] * 8, "", "SEMANTIC", 200))
    assert {UUID(hit.id).int for hit in hits} == set(range(100))
    await index.upsert(SPEC, _points(range(100, 110)))
    await index.scrub("KB1")
    assert _left(tmp_path) == set()
    assert await index.count("KB1") == 110
    await index.close()


@pytest.mark.parametrize("at", [0, 1, 2])
async def test_a_rename_that_fails_leaves_one_good_shard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    index = await _filled(tmp_path)
    await index.delete("KB1", "gone.txt")
    real, calls = Path.rename, iter(range(100))

    def rename(path: Path, target: Path) -> Path:
        if next(calls) == at:
            raise OSError("the disk does not answer")
        return real(path, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(OSError, match="does not answer"):
        await index.scrub("KB1")
    assert await index.count("KB1") == 100
    assert _names(tmp_path) == {"KB1", "owner.lock"}
    await index.scrub("KB1")
    assert _left(tmp_path) == set()
    await index.close()


async def test_a_disk_without_room_for_a_copy_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = await _filled(tmp_path)
    await index.delete("KB1", "gone.txt")
    with monkeypatch.context() as full:
        full.setattr(edge_shard.EdgeShard, "size", lambda _: 2**63)
        with pytest.raises(StorageFull):
            await index.scrub("KB1")
    await index.scrub("KB1")
    assert _left(tmp_path) == set()
    await index.close()


async def test_dropping_or_closing_ends_a_scrub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = await _filled(tmp_path)
    await index.delete("KB1", "gone.txt")
    loop, copying = asyncio.get_running_loop(), asyncio.Event()
    real = edge_rewrite._copy

    def announced(*args: object) -> None:
        loop.call_soon_threadsafe(copying.set)
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0.3), loop).result()
        real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(edge_rewrite, "_copy", announced)
    scrub = asyncio.ensure_future(index.scrub("KB1"))
    await copying.wait()
    await index.drop("KB1")
    with pytest.raises(NotFound):
        await scrub
    assert _names(tmp_path) == {"owner.lock"}
    await index.create(SPEC)
    await index.delete("KB1", "gone.txt")
    copying.clear()
    scrub = asyncio.ensure_future(index.scrub("KB1"))
    await copying.wait()
    await index.close()
    with pytest.raises(Unavailable):
        await scrub
    assert _names(tmp_path) == {"KB1", "owner.lock"}
