"""The embedding engines by name, and how a catalogue entry becomes an embedder."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Final, TypeAlias, cast

from kit.catalogue import ModelEntry
from kit.errors import InvalidRequest
from services.search.engines.embeddings.preparation import ensure_exported
from services.search.ports import Embedder

_Open: TypeAlias = Callable[[str, Path, int | None], Awaitable[Embedder]]


async def open_embedder(entry: ModelEntry, *, cache: Path, threads: int | None) -> Embedder:
    """Loads the entry's model on its engine; an onnx model is exported to `cache` first.

    Raises InvalidRequest for an engine that does not exist, Unavailable where an extra is missing.
    """
    opener = ENGINES.get(entry.engine)
    if opener is None:
        raise InvalidRequest(
            f"The model {entry.id} names the engine {entry.engine!r}; embeddings have "
            f"{', '.join(sorted(ENGINES))}.",
            param="engine",
        )
    return await opener(entry.served_as or entry.source, cache, threads)


async def _onnx(model: str, cache: Path, threads: int | None) -> Embedder:
    folder = await ensure_exported(model, cache=cache)
    return await asyncio.to_thread(partial(_engine("onnx:OnnxEmbedder"), folder, threads=threads))


async def _sentence_transformers(model: str, _: Path, threads: int | None) -> Embedder:
    embedder = _engine("sentence_transformers:SentenceTransformersEmbedder")
    return await asyncio.to_thread(partial(embedder, model, threads=threads))


def _engine(target: str) -> Callable[..., Embedder]:
    """Imported when it is asked for: each engine brings a heavy library."""
    module, name = target.split(":")
    loaded = import_module(f"services.search.engines.embeddings.{module}")
    return cast(Callable[..., Embedder], getattr(loaded, name))


ENGINES: Final[dict[str, _Open]] = {
    "onnx": _onnx,
    "sentence_transformers": _sentence_transformers,
}
