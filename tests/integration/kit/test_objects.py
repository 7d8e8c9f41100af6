"""The object store on PostgreSQL: its order of keys, and its writers side by side."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from integrations.local.blobs import LocalBlobs
from kit.database import Database
from kit.errors import InvalidRequest
from kit.objects.assembling import Claim
from kit.objects.copying import Place
from kit.objects.errors import NoSuchKey
from kit.objects.listing import Query
from kit.objects.records import Attributes, Expected
from kit.objects.store import ObjectStore

pytestmark = pytest.mark.integration
TENANT, BUCKET = "tenant-a", "bucket"
ODD = ["a/1", "a/2", "a0", "A", "~", "é", "\uffee", "🦀", "nul\x00byte", "z" * 1024]


@pytest.fixture
def blobs(tmp_path: Path) -> Iterator[LocalBlobs]:
    made = LocalBlobs(tmp_path)
    yield made
    made.close()


@pytest.fixture
async def store(empty_postgres_url: str, blobs: LocalBlobs) -> AsyncIterator[ObjectStore]:
    database = Database(empty_postgres_url)
    database.create_tables()
    made = ObjectStore(database, blobs)
    await made.buckets.create(TENANT, BUCKET, "us-east-1")
    yield made
    database.close()


async def once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def put(store: ObjectStore, key: str, data: bytes = b"data") -> None:
    await store.put(TENANT, BUCKET, key, once(data))


async def read(store: ObjectStore, key: str) -> bytes:
    reading = await store.open(TENANT, BUCKET, key)
    return b"".join([piece async for piece in reading.chunks])


async def test_keys_are_listed_in_utf8_order(store: ObjectStore) -> None:
    for key in ODD:
        await put(store, key)
    page = await store.listing.current(TENANT, BUCKET, Query())
    assert [info.key for info in page.items] == sorted(ODD, key=str.encode)
    rolled = await store.listing.current(TENANT, BUCKET, Query(delimiter="/", limit=2))
    assert ([info.key for info in rolled.items], rolled.prefixes) == (["A"], ["a/"])
    rest = await store.listing.current(TENANT, BUCKET, Query(delimiter="/", marker=rolled.last))
    assert rest.items[0].key == "a0"


async def test_versions_are_listed_newest_first_in_pages(store: ObjectStore) -> None:
    await store.buckets.set_versioning(TENANT, BUCKET, "Enabled")
    for _ in range(3):
        await put(store, "k")
    await store.delete(TENANT, BUCKET, "k")
    seen: list[str] = []
    query = Query(limit=2)
    while True:
        page = await store.listing.versions(TENANT, BUCKET, query)
        seen += [info.version for info in page.items]
        if not page.truncated:
            break
        query = Query(limit=2, marker=page.last, within=page.items[-1].version)
    assert len(seen) == 4
    assert seen == sorted(seen, reverse=True)


async def test_writers_of_one_key_leave_one_version_and_one_blob(
    store: ObjectStore, blobs: LocalBlobs
) -> None:
    bodies = [str(number).encode() for number in range(24)]
    await asyncio.gather(*(put(store, "k", body) for body in bodies))
    assert await read(store, "k") in bodies
    assert len([blob async for blob in blobs.older_than(-60)]) == 1
    numbers = [event.number for event in await store.events.after(TENANT, BUCKET, 0)]
    assert numbers == list(range(1, 25))


async def test_copies_never_lose_bytes_to_a_delete_beside_them(store: ObjectStore) -> None:
    async def copy(target: str) -> bool:
        try:
            await store.copies.copy(TENANT, Place(BUCKET, "source"), Place(BUCKET, target))
        except NoSuchKey:
            return False
        return True

    for attempt in range(10):
        await put(store, "source", b"bytes")
        copied, _ = await asyncio.gather(
            copy(f"copy-{attempt}"), store.delete(TENANT, BUCKET, "source")
        )
        if copied:
            assert await read(store, f"copy-{attempt}") == b"bytes"


async def test_copies_between_two_buckets_both_ways_do_not_wait_in_a_ring(
    store: ObjectStore,
) -> None:
    await store.buckets.create(TENANT, "second", "us-east-1")
    await put(store, "k")
    await store.put(TENANT, "second", "k", once(b"data"))
    ways = [(BUCKET, "second"), ("second", BUCKET)] * 10
    await asyncio.gather(
        *(
            store.copies.copy(TENANT, Place(source, "k"), Place(target, f"c{number}"))
            for number, (source, target) in enumerate(ways)
        )
    )


async def test_a_multi_part_upload_completes_once_for_all_that_ask(store: ObjectStore) -> None:
    uploads = store.uploads
    upload = (await uploads.create(TENANT, BUCKET, "k", Attributes())).id
    part, _ = await uploads.put_part(TENANT, BUCKET, "k", upload, 1, once(b"one"), Expected())
    claims = [Claim(1, part.md5)]
    done = await asyncio.gather(
        *(uploads.complete(TENANT, BUCKET, "k", upload, claims) for _ in range(5))
    )
    assert len({info.id for info in done}) == 1
    assert await read(store, "k") == b"one"


async def test_a_nul_that_no_text_of_postgresql_can_hold_is_the_callers_fault(
    store: ObjectStore,
) -> None:
    await put(store, "nul\x00byte")
    with pytest.raises(InvalidRequest, match="NUL"):
        await store.open(TENANT, BUCKET, "nul\x00byte", version="v\x00")
