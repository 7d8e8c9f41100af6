"""What is reserved for embeddings before their tokens are known."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from contracts.search.embeddings import EmbedRequest
from gateway.embedding import embed
from kit.auth.metering import BYTES_PER_TOKEN, Spending
from kit.auth.principal import Principal
from kit.catalogue import load

WHO = Principal("acme", "111122223333", "key-1")


class _Metering:
    reserved = 0

    @asynccontextmanager
    async def spending(
        self, _: Principal, __: str, model: str, *, request_bytes: int
    ) -> AsyncIterator[Spending]:
        self.reserved = request_bytes // BYTES_PER_TOKEN
        yield Spending(model)


class _Search:
    async def embed(self, _: Principal, __: EmbedRequest) -> Any:
        return SimpleNamespace(tokens=[3])


@pytest.mark.parametrize(
    ("given", "reserved"),
    [({"token_ids": [[1, 2, 3], [4]]}, 4), ({"texts": ["an oak", "é"]}, 2)],
)
async def test_tokens_are_reserved_as_such_and_texts_by_their_bytes(
    given: dict[str, Any], reserved: int
) -> None:
    metering = _Metering()
    backends = SimpleNamespace(catalogue=load(), metering=metering, search=_Search())
    ask = EmbedRequest(model="all-minilm-l6-v2", **given)
    await embed(cast(Any, backends), WHO, "rest:embed", ask)
    assert metering.reserved == reserved
