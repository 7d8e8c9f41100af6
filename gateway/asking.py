"""Questions to knowledge bases, their tokens booked: the same at every door."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from contracts.search.retrieval import (
    Answer,
    AnswerEvent,
    AnswerRequest,
    Passages,
    RetrieveRequest,
)
from gateway.backends import Backends
from gateway.cards import find_card
from kit.auth.principal import Principal


async def retrieve(
    backends: Backends, who: Principal, operation: str, ask: RetrieveRequest
) -> Passages:
    """Booked to the knowledge base's model, which only the search service knows."""
    size = len(ask.query)
    async with backends.metering.spending(who, operation, "", request_bytes=size) as spent:
        found = await backends.search.retrieve(who, ask)
        spent.model, spent.tokens_in = found.model, found.tokens
    return found


async def answer(backends: Backends, who: Principal, operation: str, ask: AnswerRequest) -> Answer:
    (model, adapter), size = await _model(backends, who, ask), len(ask.question)
    async with backends.metering.spending(who, operation, model, request_bytes=size) as spent:
        spent.adapter = adapter
        made = await backends.search.answer(who, ask)
        spent.tokens_in, spent.tokens_out = made.input_tokens, made.output_tokens
    return made


async def answer_stream(
    backends: Backends, who: Principal, operation: str, ask: AnswerRequest
) -> AsyncGenerator[AnswerEvent, None]:
    (model, adapter), size = await _model(backends, who, ask), len(ask.question)
    async with (
        backends.metering.spending(who, operation, model, request_bytes=size) as spent,
        aclosing(backends.search.answer_stream(who, ask)) as events,
    ):
        spent.adapter = adapter
        async for event in events:
            spent.tokens_in += event.input_tokens or 0
            spent.tokens_out += event.output_tokens or 0
            yield event


async def _model(backends: Backends, who: Principal, ask: AnswerRequest) -> tuple[str, str]:
    """The base model's id, and an adapter's digest or nothing. Raises NotFound."""
    if not backends.catalogue.knows(ask.model, kind="text"):
        card = await find_card(backends, who, ask.model)
        if card is not None and card.digest:
            return card.base, card.digest
    return backends.catalogue.find(ask.model, kind="text").id, ""
