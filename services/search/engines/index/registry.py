"""The index engines by name; each brings a library that the other does without."""

from importlib import import_module
from pathlib import Path
from typing import Literal, cast

from services.search.ports import Index

_PACKAGE = "services.search.engines.index"


def open_index(
    engine: Literal["qdrant_edge", "qdrant"], *, folder: Path, url: str, key: str | None
) -> Index:
    """`folder` is for qdrant_edge, `url` and `key` are for a Qdrant server."""
    if engine == "qdrant":
        return cast(Index, import_module(f"{_PACKAGE}.qdrant").QdrantIndex(url, key))
    return cast(Index, import_module(f"{_PACKAGE}.qdrant_edge").QdrantEdgeIndex(folder))
