"""An embedder without a model, and a bucket in memory: exact, fast, and countable."""

import hashlib
import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any, Literal

import numpy as np

from kit.auth.principal import Principal
from kit.errors import NotFound
from services.search.ports import Embeddings, Tally
from services.search.service.sources import SIDECAR, split_s3_uri

DIMENSION = 32
_WORD = re.compile(r"\w+")


class WordEmbedder:
    """Texts that share words lie near each other."""

    name = "words"
    dimension = DIMENSION
    max_tokens = 64

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def check_room(self, texts: Sequence[str]) -> None: ...

    async def embed(
        self,
        texts: Sequence[str],
        *,
        kind: Literal["query", "document"] = "document",
        patient: bool = False,
    ) -> Embeddings:
        if kind == "document":
            self.embedded += texts
        rows = np.stack([_vector(text) for text in texts])
        return Embeddings(rows, [self.count_tokens(text) for text in texts])

    def count_tokens(self, text: str) -> int:
        return len(self.token_spans(text))

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        return [found.span() for found in _WORD.finditer(text)]

    def decode(self, token_ids: Sequence[int]) -> str:
        return " ".join(str(id) for id in token_ids)

    async def close(self) -> None: ...


def _vector(text: str) -> Any:
    total = np.full(DIMENSION, 1e-3, np.float32)
    for word in _WORD.findall(text.lower()):
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8])
        total += np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32)
    return total / np.linalg.norm(total)


class Buckets:
    """Implements the port Objects: bytes by tenant, bucket and key."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], dict[str, bytes]] = {}

    def of(self, tenant: str, bucket: str) -> dict[str, bytes]:
        return self.held.setdefault((tenant, bucket), {})

    async def list(self, tenant: str, bucket: str, prefix: str) -> AsyncIterator[tuple[str, str]]:
        if (tenant, bucket) not in self.held:
            raise NotFound(f"There is no bucket {bucket}.")
        for key, body in sorted(self.held[tenant, bucket].items()):
            if key.startswith(prefix):
                yield key, _mark(body)

    async def mark(self, tenant: str, uri: str) -> str | None:
        bucket, key = split_s3_uri(uri)
        body = self.held.get((tenant, bucket), {}).get(key)
        return None if body is None else _mark(body)

    async def read(self, tenant: str, uri: str) -> bytes:
        bucket, key = split_s3_uri(uri)
        body = self.held.get((tenant, bucket), {}).get(key)
        if body is None:
            raise NotFound(f"There is nothing at {uri}.")
        return body


def _mark(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def sidecar_of(key: str) -> str:
    return key + SIDECAR


class Quoting:
    """Implements the port Generator: says the first passage, or what it is told to."""

    def __init__(self) -> None:
        self.says: list[str] | None = None
        self.prompts: list[str] = []
        self.closed = 0

    async def generate(
        self,
        who: Principal,
        *,
        model: str,
        turns: Sequence[Any],
        passages: Sequence[str],
        tally: Tally,
        **_: Any,
    ) -> AsyncGenerator[str, None]:
        if model == "unknown":
            raise NotFound("There is no model unknown.", param="modelArn")
        self.prompts.append("\n".join(turn.text for turn in turns))
        try:
            for text in self.says or [f"{passages[0]} [1]"]:
                yield text
            tally.input, tally.output = 7, 9
        finally:
            self.closed += 1
