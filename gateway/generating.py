"""Generated text, its tokens booked as they come: the same at every door."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from contracts.generation.answers import Delta, Generation
from contracts.generation.client import GenerateRequest
from gateway.backends import Backends
from kit.auth.metering import Spending
from kit.auth.principal import Principal


async def generate(
    backends: Backends, who: Principal, operation: str, ask: GenerateRequest, *, size: int
) -> Generation:
    """Booked to the model that answered; `size` is the request's, in bytes."""
    async with backends.metering.spending(who, operation, "", request_bytes=size) as spent:
        made = await backends.generation.generate(who, ask)
        spent.model = made.model
        spent.tokens_in, spent.tokens_out = made.input_tokens, made.output_tokens
    return made


async def stream(
    backends: Backends, who: Principal, operation: str, ask: GenerateRequest, *, size: int
) -> AsyncGenerator[Delta, None]:
    """Booked also when it is left or breaks: by the parts that came, which their engine counts."""
    async with (
        backends.metering.spending(who, operation, "", request_bytes=size) as spent,
        aclosing(backends.generation.stream(who, ask)) as deltas,
    ):
        async for delta in deltas:
            _book(spent, delta)
            yield delta


def _book(spent: Spending, delta: Delta) -> None:
    """The usage of the last part is of the whole stream."""
    if delta.usage is None:
        spent.tokens_in += delta.input_tokens
        spent.tokens_out += delta.output_tokens
        return
    spent.model = delta.usage.model
    spent.tokens_in, spent.tokens_out = delta.usage.input_tokens, delta.usage.output_tokens
