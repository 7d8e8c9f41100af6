"""Embedding texts under any name that a caller knows the model by."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from typing import Literal

import numpy as np

from contracts.search.embeddings import EmbedReply, EmbedRequest
from kit.catalogue import Catalogue, ModelEntry, model_id
from kit.errors import InvalidRequest
from services.search.ports import Embedder, Vectors
from services.search.service.chunking.windows import Window, windows

_MOST_TOKENS = 8192  # of one text: what AWS's and OpenAI's models take
_AT_ONCE = 128  # pieces of one document in the embedder's queue: others have their turn
_DOCUMENTS = 2  # that have pieces there at a time: more would only crowd out who waits for answers

OpenEmbedder = Callable[[ModelEntry], Awaitable[Embedder]]
"""Loads an embedding model by its catalogue entry."""


class Embedding:
    """Resolves names to models, loads each once, and keeps to the dimensions that exist."""

    def __init__(self, catalogue: Catalogue, open_embedder: OpenEmbedder) -> None:
        self._catalogue = catalogue
        self._open = open_embedder
        self._embedders: dict[str, Embedder] = {}
        self._opening = asyncio.Lock()
        self._documents = asyncio.Semaphore(_DOCUMENTS)

    async def embed(self, ask: EmbedRequest) -> EmbedReply:
        """Raises NotFound for an unknown model, InvalidRequest for a dimension it can't give."""
        entry = self._entry(ask.model)
        embedder = await self.embedder(entry.id)
        dimension = self.check_dimensions(ask.model, ask.dimensions)
        texts = ask.texts
        if texts is None:
            texts = [embedder.decode(ids) for ids in ask.token_ids or []]
        if any(not text for text in texts):
            raise InvalidRequest("A text to embed must not be empty.", param="input")
        embedder.check_room(texts)
        spans = await asyncio.to_thread(_windows, texts, embedder)
        tokens = [sum(window.tokens for window in windowed) for windowed in spans]
        if max(tokens) > _MOST_TOKENS:
            raise InvalidRequest(
                f"A text has {max(tokens)} tokens; it may have {_MOST_TOKENS}.", param="input"
            )
        vectors = await _whole(embedder, texts, spans, ask.kind)
        return EmbedReply(
            model=entry.id,
            dimension=dimension,
            vectors=padded(vectors, dimension).astype("<f4").tobytes(),
            tokens=tokens,
        )

    async def chunk_vectors(self, model: str, texts: Sequence[str]) -> Vectors:
        """One for each text, of any length, for a caller that waits for the answer."""
        embedder = await self.embedder(model)
        spans = await asyncio.to_thread(_windows, texts, embedder)
        return await _whole(embedder, texts, spans, "document")

    async def document_vectors(self, model: str, texts: Sequence[str]) -> Vectors:
        """As `chunk_vectors`, however busy the embedder is: documents take turns instead."""
        embedder = await self.embedder(model)
        spans = await asyncio.to_thread(_windows, texts, embedder)
        return await _whole(embedder, texts, spans, "document", turns=self._documents)

    async def embedder(self, model: str) -> Embedder:
        """By the catalogue's id; loaded on first use, by one caller."""
        if model not in self._embedders:
            async with self._opening:
                if model not in self._embedders:
                    self._embedders[model] = await self._open(self._entry(model))
        return self._embedders[model]

    def resolve(self, reference: str) -> str:
        """The catalogue's id of an embedding model named by id, alias or ARN."""
        return self._entry(reference).id

    def check_dimensions(self, reference: str, asked: int | None) -> int:
        """What a vector under this name has; more than the model gives is padded with zeros."""
        entry = self._entry(reference)
        promised = entry.alias_dimensions.get(model_id(reference), [])
        native = entry.dimension or 0
        dimension = asked or (promised[0] if promised else native)
        if dimension < native:
            raise InvalidRequest(
                f"{entry.name} makes vectors of {native} dimensions and cannot make shorter ones; "
                f"ask for {native} or more.",
                param="dimensions",
            )
        if promised and dimension not in (*promised, native):
            raise InvalidRequest(
                f"dimensions must be one of {sorted(d for d in promised if d >= native)}.",
                param="dimensions",
            )
        return dimension

    async def close(self) -> None:
        await asyncio.gather(*(embedder.close() for embedder in self._embedders.values()))

    def _entry(self, reference: str) -> ModelEntry:
        return self._catalogue.find(reference, kind="embedding")


async def _whole(
    embedder: Embedder,
    texts: Sequence[str],
    spans: Sequence[Sequence[Window]],
    kind: Literal["query", "document"],
    *,
    turns: asyncio.Semaphore | None = None,
) -> Vectors:
    """Nothing is cut off: a text longer than the model reads is the mean of its windows.

    With `turns`, each batch waits for one. A caller without them is refused at the start or not
    at all: what is done already would be lost.
    """
    pieces = [
        text[window.start : window.end]
        for text, windowed in zip(texts, spans, strict=True)
        for window in windowed
    ]
    rows = []
    for at in range(0, len(pieces), _AT_ONCE):
        async with turns or nullcontext():
            patient = turns is not None or at > 0
            batch = pieces[at : at + _AT_ONCE]
            rows.append((await embedder.embed(batch, kind=kind, patient=patient)).vectors)
    made = np.concatenate(rows)
    whole = np.empty((len(texts), embedder.dimension), np.float32)
    at = 0
    for row, windowed in enumerate(spans):
        weights = np.array([max(1, window.tokens) for window in windowed], np.float32)
        mean = weights @ made[at : at + len(windowed)]
        whole[row] = mean / max(float(np.linalg.norm(mean)), 1e-12)
        at += len(windowed)
    return whole


def _windows(texts: Sequence[str], embedder: Embedder) -> list[list[Window]]:
    return [windows(text, embedder.token_spans, embedder.max_tokens) for text in texts]


def padded(vectors: Vectors, dimension: int) -> Vectors:
    """Zeros behind each row; cosines and distances stay what they were."""
    missing = dimension - vectors.shape[1]
    return vectors if missing <= 0 else np.pad(vectors, ((0, 0), (0, missing)))
