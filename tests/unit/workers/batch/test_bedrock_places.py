"""What a Bedrock batch reads stays what it was when the batch began."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from integrations.local.blobs import LocalBlobs
from kit.database import Database
from kit.errors import Conflict, InvalidRequest, NotFound
from kit.objects.records import ENABLED
from kit.objects.store import ObjectStore
from workers.batch.bedrock_places import Source, check_outputs, output_key, sources, stored

TENANT, BUCKET = "acme", "batches"


@pytest.fixture
async def objects(tmp_path: Path) -> AsyncIterator[ObjectStore]:
    database = Database(f"sqlite:///{tmp_path}/batches.db")
    database.create_tables()
    blobs = LocalBlobs(tmp_path / "objects")
    store = ObjectStore(database, blobs)
    await store.buckets.create(TENANT, BUCKET, "us-east-1")
    yield store
    blobs.close()
    database.close()


async def put(objects: ObjectStore, key: str, body: bytes) -> None:
    async def once() -> AsyncIterator[bytes]:
        yield body

    await objects.put(TENANT, BUCKET, key, once())


async def read(objects: ObjectStore, source: Source) -> bytes:
    reading = await source.open(objects, TENANT, BUCKET)
    return b"".join([piece async for piece in reading.chunks])


async def begun(objects: ObjectStore, key: str) -> list[Source]:
    """As a later attempt finds them."""
    found = await sources(objects, TENANT, {"bucket": BUCKET, "key": key})
    return [Source(**told) for told in stored(found)]


@pytest.mark.parametrize("where", ["in/a.jsonl", "in/"])
async def test_a_version_is_read_to_its_end(objects: ObjectStore, where: str) -> None:
    await objects.buckets.set_versioning(TENANT, BUCKET, ENABLED)
    await put(objects, "in/a.jsonl", b"first")
    (source,) = await begun(objects, where)
    await put(objects, "in/a.jsonl", b"second")
    assert await read(objects, source) == b"first"
    await objects.delete(TENANT, BUCKET, "in/a.jsonl")
    assert await read(objects, source) == b"first"


@pytest.mark.parametrize("where", ["in/a.jsonl", "in/"])
async def test_lines_of_a_replaced_object_are_never_mixed_with_those_before(
    objects: ObjectStore, where: str
) -> None:
    await put(objects, "in/a.jsonl", b"first")
    (source,) = await begun(objects, where)
    await put(objects, "in/a.jsonl", b"first")
    assert await read(objects, source) == b"first", "the same bytes are the same lines"
    await put(objects, "in/a.jsonl", b"second")
    with pytest.raises(Conflict, match=r"in/a\.jsonl was replaced"):
        await read(objects, source)
    await objects.delete(TENANT, BUCKET, "in/a.jsonl")
    with pytest.raises(NotFound):
        await read(objects, source)


OUTPUTS = [
    ("in/", "in/a.jsonl", "a.jsonl"),
    ("in/", "in//a.jsonl", "/a.jsonl"),
    ("in", "in/a.jsonl", "a.jsonl"),
    ("in", "in//a.jsonl", "/a.jsonl"),
    ("", "a.jsonl", "a.jsonl"),
    ("", "/a.jsonl", "/a.jsonl"),
    ("in/a.jsonl", "in/a.jsonl", "a.jsonl"),
]


@pytest.mark.parametrize(("asked", "key", "name"), OUTPUTS)
def test_each_input_has_an_output_of_its_own(asked: str, key: str, name: str) -> None:
    assert output_key("out/", "job", asked, key) == f"out/job/{name}.out"


def test_an_output_that_the_manifest_would_replace_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="manifest"):
        check_outputs("out/", "j", "x/manifest.json", [Source("x/manifest.json", "v", "e")])
    check_outputs("out/", "j", "x/", [Source("x/manifest.jsonl", "v", "e")])


def test_an_output_whose_key_would_be_too_long_is_refused() -> None:
    found = [Source(f"in/{'k' * 500}.jsonl", "v", "e")]
    check_outputs("o" * 400, "j", "in/", found)
    with pytest.raises(InvalidRequest, match="1024"):
        check_outputs("o" * 600, "j", "in/", found)
