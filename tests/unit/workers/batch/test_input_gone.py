"""Each wire tells in one way that what a batch reads is not there any more."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from integrations.local.blobs import LocalBlobs
from kit.auth.principal import Principal
from kit.batches.progress import Writer
from kit.batches.records import Batch
from kit.database import Database
from kit.files.rows import Facts
from kit.files.store import Files
from kit.objects.store import ObjectStore
from workers.batch.bedrock import BedrockBatches, Models
from workers.batch.openai import Endpoints, OpenAIBatches
from workers.batch.wire import BatchRefused, BatchWire, InputGone, Running

TENANT, BUCKET = "acme", "batches"
LINE = b'{"custom_id": "a", "method": "POST", "url": "/v1/embeddings", "body": {}}'


@dataclass
class Place:
    database: Database
    objects: ObjectStore

    async def put(self, body: bytes) -> None:
        await self.objects.put(TENANT, BUCKET, "in/a.jsonl", once(body))

    def bedrock(self) -> BedrockBatches:
        return BedrockBatches(self.database, self.objects, cast(Models, None))

    def openai(self) -> tuple[OpenAIBatches, Files]:
        files = Files(self.database, self.objects)
        return OpenAIBatches(self.database, files, cast(Endpoints, None)), files


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    database = Database(f"sqlite:///{tmp_path}/batches.db")
    database.create_tables()
    blobs = LocalBlobs(tmp_path / "objects")
    made = Place(database, ObjectStore(database, blobs))
    await made.objects.buckets.create(TENANT, BUCKET, "us-east-1")
    yield made
    blobs.close()
    database.close()


async def once(body: bytes) -> AsyncIterator[bytes]:
    yield body


def running(asked: dict[str, Any], told: dict[str, Any] | None = None) -> Running:
    times = (0.0, 1.0, None, None, None, None)
    batch = Batch("j", "b", TENANT, "any", "", asked, *times, None, None, 0, 0, 0, 0, told or {})
    return Running(batch, Principal(TENANT, "1", "k"), Writer(TENANT, "j", 1))


async def read(wire: BatchWire, running: Running) -> list[bytes]:
    return [line.raw async for line in wire.lines(running)]


PLACES = {"input": {"bucket": BUCKET, "key": "in/"}, "output": {"bucket": BUCKET, "prefix": "o/"}}


async def test_a_bedrock_input_that_is_deleted_or_replaced_is_gone(place: Place) -> None:
    await place.put(b"{}")
    wire = place.bedrock()
    begun = running(PLACES, (await wire.check(running(PLACES))).told)
    assert await read(wire, begun) == [b"{}"]
    await place.put(b"{} ")
    with pytest.raises(InputGone, match="was replaced"):
        await read(wire, begun)
    await place.objects.delete(TENANT, BUCKET, "in/a.jsonl")
    with pytest.raises(InputGone, match="was deleted"):
        await read(wire, begun)


async def test_an_openai_input_that_is_deleted_is_gone(place: Place) -> None:
    wire, files = place.openai()
    file = await files.add(TENANT, once(LINE), lambda: Facts("f", "batch", None))
    begun = running({"input_file_id": file.id, "endpoint": "/v1/embeddings"})
    assert (await wire.check(begun)).total == 1
    await files.delete(TENANT, file.id)
    with pytest.raises(InputGone, match="was deleted"):
        await read(wire, begun)
    with pytest.raises(BatchRefused) as refused:
        await wire.check(begun)
    assert "was deleted" in refused.value.told["errors"][0]["message"]
