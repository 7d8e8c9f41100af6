"""The engine for models that the onnx engine can't serve: sentence-transformers on torch."""

import asyncio
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, cast

from kit.errors import Unavailable
from services.search.engines.embeddings.admission import LONGEST_WAIT, Admission, Pace
from services.search.engines.embeddings.sources import locate
from services.search.engines.embeddings.tokens import Tokens
from services.search.ports import Embeddings, Vectors


class SentenceTransformersEmbedder:
    """Implements Embedder, one call at a time on a thread; `model` is a hub id or a folder."""

    def __init__(
        self, model: str, *, threads: int | None = None, longest_wait: float = LONGEST_WAIT
    ) -> None:
        """Raises Unavailable, naming the extra, where torch is not installed. Takes seconds."""
        try:
            torch, library = import_module("torch"), import_module("sentence_transformers")
        except ModuleNotFoundError as error:
            raise Unavailable(
                f"The engine sentence_transformers needs {error.name}; install it with: "
                "pip install 'undercroft[export]', or use the engine onnx."
            ) from error
        cores = len(os.sched_getaffinity(0))
        torch.set_num_threads(min(threads or cores, cores))
        self._model: Any = library.SentenceTransformer(
            locate(model),
            device="cpu",
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        )
        self._model.eval()
        self.name = model
        self.dimension: int = self._model.get_embedding_dimension()
        self._prompts: dict[str, str] = self._model.prompts
        self._tokens = _tokens(self._model)
        self.max_tokens = self._tokens.longest
        self._pace = Pace()
        self._admission = Admission(self._pace, longest_wait=longest_wait)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="embed")

    async def embed(
        self,
        texts: Sequence[str],
        *,
        kind: Literal["query", "document"] = "document",
        patient: bool = False,
    ) -> Embeddings:
        with self._admission.hold(self._tokens.guess(texts), patient=patient):
            loop = asyncio.get_running_loop()
            prompt = self._prompts.get(kind) or ""
            return await loop.run_in_executor(self._thread, self._embed, list(texts), prompt)

    def check_room(self, texts: Sequence[str]) -> None:
        self._admission.check(self._tokens.guess(texts))

    def _embed(self, texts: list[str], prompt: str) -> Embeddings:
        began = time.monotonic()
        heads = [self._tokens.head(text) for text in texts]
        vectors = self._model.encode(
            heads, prompt=prompt, normalize_embeddings=True, show_progress_bar=False
        )
        ids = self._tokens.encode([prompt + head for head in heads])
        self._pace.note(sum(map(len, ids)), time.monotonic() - began)
        return Embeddings(
            cast(Vectors, vectors.reshape(len(texts), self.dimension)),
            [len(row) - self._tokens.special for row in ids],
        )

    def count_tokens(self, text: str) -> int:
        return self._tokens.count(text)

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        return self._tokens.spans(text)

    def decode(self, token_ids: Sequence[int]) -> str:
        return self._tokens.decode(token_ids)

    async def close(self) -> None:
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)


def _tokens(model: Any) -> Tokens:
    with TemporaryDirectory() as folder:
        path = Path(folder, "tokenizer.json")
        path.write_text(model.tokenizer.backend_tokenizer.to_str(), encoding="utf-8")
        return Tokens(path, model.max_seq_length or model.tokenizer.model_max_length)
