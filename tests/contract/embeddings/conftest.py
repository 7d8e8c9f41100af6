"""The engines under test: one export for each worker's session, torch beside it."""

import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from services.search.engines.embeddings.exported import Precision, folder_for
from services.search.engines.embeddings.onnx import OnnxEmbedder
from services.search.engines.embeddings.sentence_transformers import SentenceTransformersEmbedder
from services.search.engines.embeddings.sources import DEFAULT_MODEL
from services.search.ports import Embedder

CACHE = Path(".undercroft/models")
"""Shared with `make up`; the export is safe under several processes."""
ENGINES = ("int8", "fp32", "torch")


def exported(precision: Precision) -> Path:
    folder = folder_for(CACHE, DEFAULT_MODEL, precision)
    command = [
        sys.executable, "-m", "services.search.engines.embeddings.export",
        "--default", "--cache", str(CACHE), "--precision", precision,
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=240)
    return folder


@pytest.fixture(scope="session")
def int8_folder() -> Path:
    return exported("int8")


@pytest.fixture(scope="session")
def fp32_folder() -> Path:
    return exported("fp32")


Open = Callable[[float], Embedder]
"""An embedder that lets callers wait so many seconds."""


@pytest.fixture(params=ENGINES)
def open_engine(request: pytest.FixtureRequest) -> Open:
    if request.param == "torch":
        return lambda wait: SentenceTransformersEmbedder(
            DEFAULT_MODEL, threads=1, longest_wait=wait
        )
    folder: Path = request.getfixturevalue(f"{request.param}_folder")
    return lambda wait: OnnxEmbedder(folder, threads=2, longest_wait=wait)


@pytest.fixture
async def embedder(open_engine: Open) -> AsyncIterator[Embedder]:
    engine = open_engine(600.0)
    yield engine
    await engine.close()


@pytest.fixture
async def narrow(open_engine: Open) -> AsyncIterator[Embedder]:
    """An embedder that lets nobody wait."""
    engine = open_engine(0.0)
    yield engine
    await engine.close()
