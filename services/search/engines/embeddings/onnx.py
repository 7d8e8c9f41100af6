"""The default engine: an exported model on ONNX Runtime, off the event loop."""

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Literal

import numpy as np

from services.search.engines.embeddings.admission import LONGEST_WAIT, Admission, Pace
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
        self, folder: Path, *, threads: int | None = None, longest_wait: float = LONGEST_WAIT
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
        lanes = min(threads or cores, cores)
        pace = Pace(lanes)
        self._admission = Admission(pace, longest_wait=longest_wait)
        self._tokenizing = ThreadPoolExecutor(1, thread_name_prefix="tokenize")
        self._batcher = Batcher(
            Session(folder / GRAPH).run,
            dimension=manifest.dimension,
            threads=lanes,
            batch_tokens=_BATCH_TOKENS,
            note=pace.note,
        )

    async def embed(
        self,
        texts: Sequence[str],
        *,
        kind: Literal["query", "document"] = "document",
        patient: bool = False,
    ) -> Embeddings:
        vectors = np.empty((len(texts), self.dimension), np.float32)
        tokens: list[int] = []
        prompt = self._prompts.get(kind, "")
        # What follows the first slice takes its turn behind others' work again.
        with self._admission.hold(self._tokens.guess(texts[:_SLICE]), patient=patient) as place:
            for start in range(0, len(texts), _SLICE):
                encoded = await self._encode(
                    [prompt + text for text in texts[start : start + _SLICE]]
                )
                place.tokens = sum(map(len, encoded))
                made = await asyncio.wrap_future(self._batcher.submit(encoded))
                vectors[start : start + len(made)] = made
                tokens += [len(ids) - self._tokens.special for ids in encoded]
        return Embeddings(vectors, tokens)

    def check_room(self, texts: Sequence[str]) -> None:
        self._admission.check(self._tokens.guess(texts[:_SLICE]))

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
