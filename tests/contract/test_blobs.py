"""One suite for every implementation of the blob port."""

import asyncio
import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from integrations.aws.blobs import S3Blobs
from integrations.local.blobs import LocalBlobs
from kit.errors import Unavailable
from kit.objects.checksums import Digests
from kit.objects.errors import BlobMissing
from kit.objects.ports import Blobs
from tests.wire.s3_support import S3Server, running


@pytest.fixture(scope="module")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with running(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(params=["local", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Blobs]:
    if request.param == "local":
        local = LocalBlobs(tmp_path)
        yield local
        local.close()
        return
    client = request.getfixturevalue("s3_server").client()
    client.create_bucket(Bucket="blobs")
    remote = S3Blobs(client, "blobs", "some/prefix")
    yield remote
    remote.close()
    client.close()


async def write(blobs: Blobs, *pieces: bytes) -> str:
    writer = await blobs.writer(Digests())
    await writer.write(pieces)
    blob = await writer.commit()
    await writer.discard()
    return blob


async def read(blobs: Blobs, blob: str, start: int, length: int) -> bytes:
    return b"".join([piece async for piece in await blobs.open(blob, start, length)])


async def ids(blobs: Blobs, seconds: float) -> list[str]:
    return [blob async for blob in blobs.older_than(seconds)]


@pytest.mark.parametrize("size", [0, 1, 3_000_000, 12_000_000])
async def test_what_is_committed_is_read_back(blobs: Blobs, size: int) -> None:
    data = os.urandom(size)
    digests = Digests()
    writer = await blobs.writer(digests)
    for start in range(0, size, 1 << 20):
        await writer.write([data[start : start + 1000], data[start + 1000 : start + (1 << 20)]])
    blob = await writer.commit()
    assert (digests.size, digests.md5_hex()) == (size, hashlib.md5(data).hexdigest())
    assert await read(blobs, blob, 0, size) == data
    if size:
        assert await read(blobs, blob, size // 2, size - size // 2) == data[size // 2 :]
        assert await read(blobs, blob, size - 1, 1) == data[-1:]


async def test_discarding_after_the_commit_changes_nothing(blobs: Blobs) -> None:
    blob = await write(blobs, b"data")
    assert await read(blobs, blob, 0, 4) == b"data"


async def test_what_is_discarded_was_never_there(blobs: Blobs) -> None:
    before = set(await ids(blobs, -60))
    writer = await blobs.writer(Digests())
    await writer.write([os.urandom(9 << 20)])
    await writer.discard()
    await writer.discard()
    assert set(await ids(blobs, -60)) == before


async def test_a_deleted_blob_is_missing_and_deleting_again_is_no_error(blobs: Blobs) -> None:
    blob = await write(blobs, b"data")
    await blobs.delete(blob)
    with pytest.raises(BlobMissing):
        await blobs.open(blob, 0, 4)
    await blobs.delete(blob)


async def test_closing_early_lets_go(blobs: Blobs) -> None:
    blob = await write(blobs, os.urandom(5 << 20))
    stream = await blobs.open(blob, 0, 5 << 20)
    assert len(await anext(stream)) > 0
    await stream.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_blobs_are_listed_by_their_age(blobs: Blobs) -> None:
    blob = await write(blobs, b"data")
    assert blob in await ids(blobs, -60)
    assert blob not in await ids(blobs, 3600)


async def test_what_else_lies_beside_the_blobs_is_not_one(
    blobs: Blobs, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The sweep deletes what no row names; it must not be told of anybody else's files."""
    if isinstance(blobs, LocalBlobs):
        (tmp_path / "0" / "0" / "notes.txt").write_text("mine")
    else:
        client = request.getfixturevalue("s3_server").client()
        for key in ("notes.txt", "a/59a66e0c-0e17-4d1c-9bb7-3f4c6f9a3c55"):
            client.put_object(Bucket="blobs", Key=f"some/prefix/{key}", Body=b"mine")
        client.close()
    mine = await write(blobs, b"data")
    assert mine in await ids(blobs, -60)
    assert not [blob for blob in await ids(blobs, -60) if "notes" in blob or "/" in blob]


async def test_a_store_that_can_work_passes_its_check(blobs: Blobs) -> None:
    await blobs.check()


async def test_an_id_is_never_a_path(blobs: Blobs) -> None:
    with pytest.raises(ValueError, match="UUID"):
        await blobs.open("../../etc/passwd", 0, 1)


async def test_many_are_written_at_once(blobs: Blobs) -> None:
    written = await asyncio.gather(*(write(blobs, str(n).encode()) for n in range(20)))
    assert len(set(written)) == 20
    assert await blobs.free_bytes() > 0


async def test_a_dead_writers_file_is_removed_and_a_living_ones_kept(tmp_path: Path) -> None:
    folder = tmp_path / "blobs"
    first = LocalBlobs(folder)
    writer = await first.writer(Digests())
    await writer.write([b"under way"])
    (folder / "incoming" / "left-by-a-crash").write_bytes(b"half")
    second = LocalBlobs(folder)
    assert len(list((folder / "incoming").iterdir())) == 1
    blob = await writer.commit()
    assert await read(second, blob, 0, 9) == b"under way"
    first.close()
    second.close()


async def test_a_bucket_that_is_not_there_is_named(s3_server: S3Server) -> None:
    client = s3_server.client()
    remote = S3Blobs(client, "nowhere", "prefix")
    with pytest.raises(Unavailable, match="no bucket nowhere"):
        await remote.check()
    remote.close()
    client.close()


async def test_what_a_cancelled_writer_had_under_way_is_aborted_after_it(
    s3_server: S3Server,
) -> None:
    """A request that ends in mid-write discards while a part is on its way in a thread."""
    client = s3_server.client()
    client.create_bucket(Bucket="cut")
    begun, go_on = threading.Event(), threading.Event()

    def hold(**_: object) -> None:
        begun.set()
        assert go_on.wait(10)

    client.meta.events.register("before-call.s3.CreateMultipartUpload", hold)
    remote = S3Blobs(client, "cut", "prefix")
    writer = await remote.writer(Digests())
    writing = asyncio.create_task(writer.write([os.urandom(9 << 20)]))
    await asyncio.to_thread(begun.wait)
    writing.cancel()
    discarding = asyncio.create_task(writer.discard())
    await asyncio.sleep(0.05)
    go_on.set()
    await discarding
    remote.close()  # waits for its threads
    assert client.list_multipart_uploads(Bucket="cut").get("Uploads", []) == []
    client.close()
