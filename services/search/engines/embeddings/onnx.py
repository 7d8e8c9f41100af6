"""The default engine: an exported model on ONNX Runtime, off the event loop."""

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Literal

import numpy as np

from services.search.engines.embeddings.admission import Admission
from services.search.engines.embeddings.batcher import Batcher
from services.search.engines.embeddings.exported import GRAPH, TOKENIZER, read_manifest
from services.search.engines.embeddings.session import Session
from services.search.engines.embeddings.tokens import Tokens
from services.search.ports import Embeddings

_BATCH_TOKENS: Final = 256  # what a batch works on stays in a core's cache; measured
_SLICE: Final = 1024  # texts of one call that are tokenized and queued at a time
_INLINE: Final = 4096  # code points that are tokenized on the event loop, within a millisecond


class OnnxEmbedder:
    """Implements Embedder. A text's vector does not depend on the texts embedded beside it."""

    def __init__(
        self, folder: Path, *, threads: int | None = None, queue_texts: int = 8192
    ) -> None:
        """Reads an exported model; `threads` None takes the cores this process may run on.

        Takes a few tenths of a second: call it off the event loop.
        """
        manifest = read_manifest(folder)
        cores = len(os.sched_getaffinity(0))
        self.name = manifest.model
        self.dimension = manifest.dimension
        self._prompts = manifest.prompts
        self._tokens = Tokens(folder / TOKENIZER, manifest.sequence)
        self.max_tokens = self._tokens.longest
        self._admission = Admission(queue_texts)
        self._tokenizing = ThreadPoolExecutor(1, thread_name_prefix="tokenize")
        self._batcher = Batcher(
            Session(folder / GRAPH).run,
            dimension=manifest.dimension,
            threads=min(threads or cores, cores),
            batch_tokens=_BATCH_TOKENS,
        )

    async def embed(
        self, texts: Sequence[str], *, kind: Literal["query", "document"] = "document"
    ) -> Embeddings:
        vectors = np.empty((len(texts), self.dimension), np.float32)
        tokens: list[int] = []
        prompt = self._prompts.get(kind, "")
        with self._admission.hold(min(len(texts), _SLICE)):
            for start in range(0, len(texts), _SLICE):
                encoded = await self._encode(
                    [prompt + text for text in texts[start : start + _SLICE]]
                )
                made = await asyncio.wrap_future(self._batcher.submit(encoded))
                vectors[start : start + len(made)] = made
                tokens += [len(ids) - self._tokens.special for ids in encoded]
        return Embeddings(vectors, tokens)

    async def _encode(self, texts: list[str]) -> list[list[int]]:
        if sum(map(len, texts)) <= _INLINE:
            return self._tokens.encode(texts)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._tokenizing, self._tokens.encode, texts)

    def count_tokens(self, text: str) -> int:
        return self._tokens.count(text)

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        return self._tokens.spans(text)

    def decode(self, token_ids: Sequence[int]) -> str:
        return self._tokens.decode(token_ids)

    async def close(self) -> None:
        self._tokenizing.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(self._batcher.close)
