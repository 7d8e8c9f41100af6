"""Embedding texts under any name that a caller knows the model by."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import numpy as np

from contracts.search.embeddings import EmbedReply, EmbedRequest
from kit.catalogue import Catalogue, ModelEntry, model_id
from kit.errors import InvalidRequest
from services.search.ports import Embedder, Vectors
from services.search.service.chunking.windows import Window, windows

_AT_ONCE = 256  # pieces of one document in the embedder's queue: others have their turn

OpenEmbedder = Callable[[ModelEntry], Awaitable[Embedder]]
"""Loads an embedding model by its catalogue entry."""


class Embedding:
    """Resolves names to models, loads each once, and keeps to the dimensions that exist."""

    def __init__(self, catalogue: Catalogue, open_embedder: OpenEmbedder) -> None:
        self._catalogue = catalogue
        self._open = open_embedder
        self._embedders: dict[str, Embedder] = {}
        self._opening = asyncio.Lock()

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
        made = await embedder.embed(texts, kind=ask.kind)
        vectors = padded(made.vectors, dimension)
        return EmbedReply(
            model=entry.id,
            dimension=dimension,
            vectors=vectors.astype("<f4").tobytes(),
            tokens=made.tokens,
        )

    async def chunk_vectors(self, model: str, texts: Sequence[str]) -> Vectors:
        """A text longer than the model reads is the mean of its windows, by their tokens."""
        embedder = await self.embedder(model)
        spans = await asyncio.to_thread(_windows, texts, embedder)
        pieces = [
            text[window.start : window.end]
            for text, windowed in zip(texts, spans, strict=True)
            for window in windowed
        ]
        made = np.concatenate(
            [
                (await embedder.embed(pieces[at : at + _AT_ONCE])).vectors
                for at in range(0, len(pieces), _AT_ONCE)
            ]
        )
        whole = np.empty((len(texts), embedder.dimension), np.float32)
        at = 0
        for row, windowed in enumerate(spans):
            weights = np.array([window.tokens for window in windowed], np.float32)
            mean = weights @ made[at : at + len(windowed)]
            whole[row] = mean / max(float(np.linalg.norm(mean)), 1e-12)
            at += len(windowed)
        return whole

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


def _windows(texts: Sequence[str], embedder: Embedder) -> list[list[Window]]:
    return [windows(text, embedder.token_spans, embedder.max_tokens) for text in texts]


def padded(vectors: Vectors, dimension: int) -> Vectors:
    """Zeros behind each row; cosines and distances stay what they were."""
    missing = dimension - vectors.shape[1]
    return vectors if missing <= 0 else np.pad(vectors, ((0, 0), (0, missing)))
