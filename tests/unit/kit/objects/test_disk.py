"""A disk that fills while an object is written: refused, and nothing left behind."""

import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from integrations.local import blobs as local
from kit.errors import StorageFull
from kit.objects.store import ObjectStore

TENANT, BUCKET = "tenant-a", "bucket"


async def body() -> AsyncIterator[bytes]:
    for _ in range(4):
        yield b"x" * (1 << 20)


async def test_a_body_of_unknown_length_leaves_the_database_its_space(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another writer fills the disk meanwhile."""
    free = 300 << 20

    def usage(_: Path) -> SimpleNamespace:
        return SimpleNamespace(free=free)

    async def long() -> AsyncIterator[bytes]:
        nonlocal free
        for _ in range(64):
            free -= 2 << 20
            yield b"x" * (1 << 20)
        raise AssertionError("all of it was taken in")

    monkeypatch.setattr(local.shutil, "disk_usage", usage)
    with pytest.raises(StorageFull, match="space"):
        await store.put(TENANT, BUCKET, "k", long())
    assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("call", ["write", "fsync"])
async def test_a_disk_that_fills_midway_leaves_no_file(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    calls = 0
    real = getattr(os, call)

    def full_at_last(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls > (2 if call == "write" else 0):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*arguments)

    monkeypatch.setattr(local.os, call, full_at_last)
    with pytest.raises(StorageFull, match="full"):
        await store.put(TENANT, BUCKET, "k", body())
    monkeypatch.undo()
    assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == []
    await store.put(TENANT, BUCKET, "k", body())
