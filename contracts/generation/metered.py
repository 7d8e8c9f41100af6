"""The generation service with what it spends booked: for doors and jobs alike."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from contracts.generation.answers import Delta, Generation
from contracts.generation.client import GenerateRequest, GenerationClient
from kit.auth.metering import BYTES_PER_TOKEN, Metering, Spending
from kit.auth.principal import Principal


class MeteredGeneration:
    """Books to the model and the adapter that answered, which only the answer tells.

    Raises RateLimited and BudgetSpent before the work; `size` is the request's, in bytes.
    """

    def __init__(self, generation: GenerationClient, metering: Metering) -> None:
        self._generation, self._metering = generation, metering

    async def generate(
        self, who: Principal, operation: str, ask: GenerateRequest, *, size: int
    ) -> Generation:
        async with self._metering.spending(who, operation, "", request_bytes=size) as spent:
            made = await self._generation.generate(who, ask)
            spent.model, spent.adapter = made.model, made.adapter
            spent.tokens_in, spent.tokens_out = made.input_tokens, made.output_tokens
        return made

    async def stream(
        self, who: Principal, operation: str, ask: GenerateRequest, *, size: int
    ) -> AsyncGenerator[Delta, None]:
        """Booked also when it is left or breaks: by the parts that came, as the engine counts.

        An engine that counts only at the end is booked by a guess: it has read the request, and
        every part is a token. Leaving before that end would cost nothing otherwise.
        """
        async with (
            self._metering.spending(who, operation, "", request_bytes=size) as spent,
            aclosing(self._generation.stream(who, ask)) as deltas,
        ):
            parts, counted = 0, False
            try:
                async for delta in deltas:
                    parts += 1
                    counted = counted or _counts(delta)
                    _book(spent, delta)
                    yield delta
            finally:
                if parts and not counted:
                    spent.tokens_in, spent.tokens_out = size // BYTES_PER_TOKEN, parts


def _counts(delta: Delta) -> bool:
    return delta.usage is not None or delta.input_tokens + delta.output_tokens > 0


def _book(spent: Spending, delta: Delta) -> None:
    """The usage of the last part is of the whole stream."""
    told = delta.usage
    if told is None:
        spent.model, spent.adapter = delta.model or spent.model, delta.adapter or spent.adapter
        spent.tokens_in += delta.input_tokens
        spent.tokens_out += delta.output_tokens
    else:
        spent.model, spent.adapter = told.model, told.adapter
        spent.tokens_in, spent.tokens_out = told.input_tokens, told.output_tokens
