"""SEMANTIC chunking: a new chunk where neighbouring sentences differ most in meaning."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.search.ports import Embedder
from services.search.service.chunking.packing import Span

_BATCH = 256


async def groups(
    text: str, units: Sequence[Span], embedder: Embedder, *, buffer_size: int, percentile: int
) -> list[list[Span]]:
    """The units in runs; a run ends where the distance to the next is above the percentile.

    Each unit is embedded with `buffer_size` neighbours on either side.
    """
    if len(units) < 3:
        return [list(units)] if units else []
    distances = await _distances(text, units, embedder, buffer_size)
    threshold = float(np.percentile(distances, percentile))
    made: list[list[Span]] = [[units[0]]]
    for unit, distance in zip(units[1:], distances, strict=True):
        if distance > threshold:
            made.append([])
        made[-1].append(unit)
    return made


async def _distances(
    text: str, units: Sequence[Span], embedder: Embedder, buffer_size: int
) -> NDArray[np.float32]:
    """One minus the cosine between each unit and the next; batch by batch, to bound memory."""
    last = len(units) - 1
    distances: list[NDArray[np.float32]] = []
    before: NDArray[np.float32] | None = None
    for low in range(0, len(units), _BATCH):
        texts = [
            text[units[max(0, at - buffer_size)][0] : units[min(last, at + buffer_size)][1]]
            for at in range(low, min(low + _BATCH, len(units)))
        ]
        vectors = (await embedder.embed(texts, patient=True)).vectors
        joined = vectors if before is None else np.concatenate([before, vectors])
        distances.append(1 - np.einsum("ij,ij->i", joined[:-1], joined[1:]))
        before = vectors[-1:]
    return np.concatenate(distances)
