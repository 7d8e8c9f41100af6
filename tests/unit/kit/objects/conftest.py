"""An object store over a real SQLite file and real files."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from integrations.local.blobs import LocalBlobs
from kit.database import Database
from kit.objects.store import ObjectStore

TENANT, BUCKET = "tenant-a", "bucket"


@pytest.fixture
def blobs(tmp_path: Path) -> Iterator[LocalBlobs]:
    made = LocalBlobs(tmp_path / "blobs")
    yield made
    made.close()


@pytest.fixture
async def store(database: Database, blobs: LocalBlobs) -> ObjectStore:
    made = ObjectStore(database, blobs)
    await made.buckets.create(TENANT, BUCKET, "us-east-1")
    return made
