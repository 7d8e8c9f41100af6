"""Archives that tenants deploy are looked into, and break nothing whatever they hold."""

import gzip
import io
import resource
import tarfile
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from integrations.local.blobs import LocalBlobs
from kit.database import Database
from kit.errors import InvalidRequest, NotFound
from kit.objects.listing import Query
from kit.objects.store import ObjectStore
from services.generation.engines.hosting.artifacts import StoredArtifacts
from services.generation.ports import Artifact

TENANT, BUCKET = "acme", "models"


@dataclass
class World:
    objects: ObjectStore

    async def look(self, archive: bytes) -> Artifact:
        await self.put("model.tar.gz", archive)
        return await StoredArtifacts(self.objects).look(TENANT, f"s3://{BUCKET}/model.tar.gz")

    async def put(self, key: str, body: bytes) -> None:
        async def once() -> AsyncIterator[bytes]:
            yield body

        await self.objects.put(TENANT, BUCKET, key, once())


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    database = Database(f"sqlite:///{tmp_path}/objects.db")
    database.create_tables()
    blobs = LocalBlobs(tmp_path / "objects")
    made = World(ObjectStore(database, blobs))
    await made.objects.buckets.create(TENANT, BUCKET, "us-east-1")
    yield made
    blobs.close()
    database.close()


def packed(files: dict[str, bytes], headers: dict[str, str] | None = None) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        for name, body in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.pax_headers = len(body), headers or {}
            archive.addfile(member, io.BytesIO(body))
    return out.getvalue()


def with_a_header_of(size: int) -> bytes:
    """A member whose extended header is unpacked into memory, as far as a library reads it."""
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, size
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1) as file:
        file.write(header.tobuf(tarfile.GNU_FORMAT))
        for _ in range(size >> 20):
            file.write(bytes(1 << 20))
    return out.getvalue()


async def test_an_archive_tells_its_properties_and_its_adapters(world: World) -> None:
    files = {"serving.properties": b"a=b", "adapters/es/adapter_config.json": b"{}"}
    assert await world.look(packed(files)) == Artifact("a=b", ("es",))


async def test_an_archive_needs_no_room_on_a_disk(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    files = {"serving.properties": b"a=b", "weights": bytes(8 << 20)}
    assert await world.look(packed(files)) == Artifact("a=b")


async def test_an_absent_archive_is_told_by_its_place(world: World) -> None:
    with pytest.raises(NotFound, match="Could not find model data at s3://models/model"):
        await StoredArtifacts(world.objects).look(TENANT, f"s3://{BUCKET}/model.tar.gz")


async def test_a_prefix_tells_the_same(world: World) -> None:
    await world.put("m/serving.properties", b"a=b" + b" " * (3 << 20))
    await world.put("m/adapters/es/adapter_config.json", b"{}")
    found = await StoredArtifacts(world.objects).look(TENANT, f"s3://{BUCKET}/m/")
    assert (found.properties.strip(), found.adapters) == ("a=b", ("es",))
    assert len(found.properties) == 1 << 20


async def test_a_prefix_is_read_past_its_first_page(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Query.__init__, "__defaults__", ("", "", "", "", 2))
    for name in ("a", "b", "c", "adapters/es/adapter_config.json", "serving.properties"):
        await world.put(f"m/{name}", b"a=b")
    found = await StoredArtifacts(world.objects).look(TENANT, f"s3://{BUCKET}/m/")
    assert found == Artifact("a=b", ("es",))


@pytest.mark.parametrize(
    "archive",
    [
        b"",
        b"\x1f\x8bno gzip",
        b"\xfd7zXZ\x00no xz",
        packed({"a": b""}, {"GNU.sparse.map": "a,b", "GNU.sparse.size": "9"}),
        packed({"a": b"x"}, {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}),
    ],
)
async def test_a_broken_archive_is_refused_in_words(world: World, archive: bytes) -> None:
    with pytest.raises(InvalidRequest, match="is not an archive that can be read"):
        await world.look(archive)


async def test_a_header_that_unpacks_to_gigabytes_costs_the_platform_no_memory(
    world: World,
) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InvalidRequest, match="is not an archive that can be read"):
        await world.look(with_a_header_of(1 << 30))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 << 10  # KiB
