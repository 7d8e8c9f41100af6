"""Every implementation of the Index port, each with an empty collection."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.search.engines.index import edge_shard
from services.search.engines.index.qdrant import IN_MEMORY, QdrantIndex
from services.search.engines.index.qdrant_edge import QdrantEdgeIndex
from services.search.ports import Index
from tests.contract.index.corpus import SPEC

SERVER = os.environ.get("UNDERCROFT_TEST_QDRANT_URL")


@pytest.fixture(params=["edge", "edge with indexed fields", "qdrant in memory", "qdrant server"])
async def index(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Index]:
    made: Index
    if request.param == "qdrant server":
        if not SERVER:
            pytest.skip("UNDERCROFT_TEST_QDRANT_URL names no Qdrant server")
        made = QdrantIndex(SERVER)
    elif request.param == "qdrant in memory":
        made = QdrantIndex(IN_MEMORY)
    else:
        if request.param == "edge with indexed fields":
            monkeypatch.setattr(edge_shard, "_MIN_SCAN", 0)
        made = QdrantEdgeIndex(tmp_path / "index")
    await made.create(SPEC)
    yield made
    await made.drop(SPEC.name)
    await made.close()
