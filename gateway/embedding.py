"""Embeddings, their tokens booked: the same at every door."""

from contracts.search.embeddings import EmbedReply, EmbedRequest
from gateway.backends import Backends
from kit.auth.metering import BYTES_PER_TOKEN
from kit.auth.principal import Principal


async def embed(
    backends: Backends, who: Principal, operation: str, ask: EmbedRequest
) -> EmbedReply:
    """Raises NotFound where no embedding model has the name."""
    model = backends.catalogue.find(ask.model, kind="embedding").id
    async with backends.metering.spending(who, operation, model, request_bytes=_size(ask)) as spent:
        made = await backends.search.embed(who, ask)
        spent.tokens_in = sum(made.tokens)
    return made


def _size(ask: EmbedRequest) -> int:
    """In bytes; of tokens as many as a text of them would have."""
    ids = sum(map(len, ask.token_ids or ()))
    return sum(len(text.encode()) for text in ask.texts or ()) + ids * BYTES_PER_TOKEN
