"""The store's promises that no client can see: what is on disk, what is swept, what is recorded."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from integrations.local.blobs import LocalBlobs
from kit.database import Database
from kit.errors import NotFound, StorageFull, Unavailable
from kit.objects.checksums import Digests
from kit.objects.conditions import Conditions
from kit.objects.copying import CopyOptions, Place
from kit.objects.errors import BadDigest, ConditionFailed, IncompleteBody, NoSuchKey
from kit.objects.records import Expected
from kit.objects.store import ObjectStore

TENANT, BUCKET = "tenant-a", "bucket"


async def once(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def files(folder: Path) -> list[Path]:
    return [path for path in (folder / "blobs").rglob("*") if path.is_file()]


async def read(store: ObjectStore, key: str) -> bytes:
    reading = await store.open(TENANT, BUCKET, key)
    return b"".join([piece async for piece in reading.chunks])


async def test_a_body_that_breaks_off_leaves_nothing(store: ObjectStore, tmp_path: Path) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield b"x" * (2 << 20)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await store.put(TENANT, BUCKET, "k", breaking())
    assert files(tmp_path) == []
    with pytest.raises(NoSuchKey):
        await store.open(TENANT, BUCKET, "k")


async def test_a_cancelled_upload_leaves_nothing(store: ObjectStore, tmp_path: Path) -> None:
    started = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * (1 << 20)
            started.set()
            await asyncio.sleep(0.001)

    upload = asyncio.create_task(store.put(TENANT, BUCKET, "k", endless()))
    await started.wait()
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("expected", "error"),
    [
        (Expected(length=4), IncompleteBody),
        (Expected(md5="0" * 32), BadDigest),
        (Expected(algorithm="CRC32", checksum="AAAAAA=="), BadDigest),
        (Expected(algorithm="CRC32", trailers={"x-amz-checksum-crc32": "AAAAAA=="}), BadDigest),
    ],
)
async def test_bytes_that_are_not_as_promised_are_not_kept(
    store: ObjectStore, tmp_path: Path, expected: Expected, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await store.put(TENANT, BUCKET, "k", once(b"hello"), expected=expected)
    assert files(tmp_path) == []


async def test_a_full_disk_refuses_before_it_reads(
    store: ObjectStore, blobs: LocalBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def untouched() -> AsyncIterator[bytes]:
        pytest.fail("the body was read")
        yield b""

    async def little() -> int:
        return 300 << 20

    monkeypatch.setattr(blobs, "free_bytes", little)
    with pytest.raises(StorageFull):
        await store.put(TENANT, BUCKET, "k", untouched(), expected=Expected(length=100 << 20))
    await store.put(TENANT, BUCKET, "k", once(b"small"), expected=Expected(length=5))


async def test_what_is_replaced_or_deleted_leaves_the_disk_at_once(
    store: ObjectStore, tmp_path: Path
) -> None:
    await store.put(TENANT, BUCKET, "k", once(b"one"))
    await store.put(TENANT, BUCKET, "k", once(b"two"))
    assert [path.read_bytes() for path in files(tmp_path)] == [b"two"]
    await store.delete(TENANT, BUCKET, "k")
    assert files(tmp_path) == []


@pytest.mark.parametrize("failure", [OSError(5, "I/O"), Unavailable("The storage is busy.")])
async def test_a_deletion_stands_though_its_bytes_cannot_go_yet(
    store: ObjectStore,
    blobs: LocalBlobs,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failure: Exception,
) -> None:
    async def refuse(blob: str) -> None:
        raise failure

    await store.put(TENANT, BUCKET, "k", once(b"one"))
    monkeypatch.setattr(blobs, "delete", refuse)
    await store.delete(TENANT, BUCKET, "k")
    assert len(files(tmp_path)) == 1
    with pytest.raises(NoSuchKey):
        await read(store, "k")


async def test_copies_share_bytes_until_the_last_of_them_goes(
    store: ObjectStore, tmp_path: Path
) -> None:
    await store.put(TENANT, BUCKET, "a", once(b"shared"))
    await store.copies.copy(TENANT, Place(BUCKET, "a"), Place(BUCKET, "b"))
    assert len(files(tmp_path)) == 1
    await store.delete(TENANT, BUCKET, "a")
    assert await read(store, "b") == b"shared"
    await store.delete(TENANT, BUCKET, "b")
    assert files(tmp_path) == []


async def test_a_copy_by_another_checksum_reads_the_bytes(store: ObjectStore) -> None:
    await store.put(TENANT, BUCKET, "a", once(b"hello"))
    options = CopyOptions(algorithm="CRC32")
    info, _ = await store.copies.copy(TENANT, Place(BUCKET, "a"), Place(BUCKET, "b"), options)
    assert info.checksum is not None
    assert (info.checksum.algorithm, info.checksum.value) == ("CRC32", "NhCmhg==")


async def test_a_refused_write_frees_its_blob(store: ObjectStore, tmp_path: Path) -> None:
    async def racing() -> AsyncIterator[bytes]:
        await store.put(TENANT, BUCKET, "k", once(b"first"))
        yield b"second"

    with pytest.raises(ConditionFailed):
        await store.put(TENANT, BUCKET, "k", racing(), conditions=Conditions(if_none_match="*"))
    assert [path.read_bytes() for path in files(tmp_path)] == [b"first"]


async def test_a_sweep_deletes_only_old_blobs_without_a_row(
    store: ObjectStore, blobs: LocalBlobs, tmp_path: Path
) -> None:
    await store.put(TENANT, BUCKET, "k", once(b"kept"))
    orphans = []
    for data in (b"old orphan", b"new orphan"):
        writer = await blobs.writer(Digests())
        await writer.write([data])
        orphans.append(await writer.commit())
    yesterday = time.time() - 25 * 3600
    for path in files(tmp_path):
        if path.read_bytes() != b"new orphan":
            os.utime(path, (yesterday, yesterday))
    assert await store.sweep() == 1
    assert {path.read_bytes() for path in files(tmp_path)} == {b"kept", b"new orphan"}


async def test_a_reader_goes_on_while_its_object_is_replaced(store: ObjectStore) -> None:
    old = b"a" * (3 << 20)
    await store.put(TENANT, BUCKET, "k", once(old))
    reading = await store.open(TENANT, BUCKET, "k")
    first = await anext(reading.chunks)
    await store.put(TENANT, BUCKET, "k", once(b"b"))
    assert first + b"".join([piece async for piece in reading.chunks]) == old


async def test_readers_always_find_an_object_that_is_replaced_all_the_time(
    store: ObjectStore,
) -> None:
    await store.put(TENANT, BUCKET, "k", once(b"0" * 100))

    async def replace() -> None:
        for number in range(30):
            await store.put(TENANT, BUCKET, "k", once(str(number % 10).encode() * 100))

    async def look() -> None:
        for _ in range(60):
            found = await read(store, "k")
            assert found == found[:1] * 100

    await asyncio.gather(replace(), look(), look())


async def test_events_are_numbered_without_gaps_and_only_for_what_was_done(
    store: ObjectStore,
) -> None:
    await store.put(TENANT, BUCKET, "a", once(b"1"))
    with pytest.raises(BadDigest):
        await store.put(TENANT, BUCKET, "b", once(b"1"), expected=Expected(md5="0" * 32))
    await store.delete(TENANT, BUCKET, "absent")
    await store.delete(TENANT, BUCKET, "a")
    events = await store.events.after(TENANT, BUCKET, 0)
    assert [(event.number, event.name, event.key) for event in events] == [
        (1, "ObjectCreated:Put", "a"),
        (2, "ObjectRemoved:Delete", "a"),
    ]
    assert [event.number for event in await store.events.after(TENANT, BUCKET, 1)] == [2]


async def test_a_foreign_bucket_is_absent_for_every_method(store: ObjectStore) -> None:
    await store.put(TENANT, BUCKET, "k", once(b"1"))
    for call in (
        store.put("other", BUCKET, "k", once(b"")),
        store.head("other", BUCKET, "k"),
        store.open("other", BUCKET, "k"),
        store.delete("other", BUCKET, "k"),
        store.events.after("other", BUCKET, 0),
        store.buckets.delete("other", BUCKET),
        store.copies.copy("other", Place(BUCKET, "k"), Place(BUCKET, "l")),
    ):
        with pytest.raises(NotFound, match=r"The bucket 'bucket' does not exist\."):
            await call


async def test_writers_of_one_key_leave_one_object_and_one_blob(
    store: ObjectStore, database: Database, tmp_path: Path
) -> None:
    bodies = [str(number).encode() for number in range(12)]
    await asyncio.gather(*(store.put(TENANT, BUCKET, "k", once(body)) for body in bodies))
    assert await read(store, "k") in bodies
    assert len(files(tmp_path)) == 1
