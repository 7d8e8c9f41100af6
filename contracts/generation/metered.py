"""The generation service with what it spends booked: for doors and jobs alike."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    aclosing,
    asynccontextmanager,
)
from typing import NamedTuple

from contracts.generation.answers import Delta, Generation
from contracts.generation.client import GenerateRequest, GenerationClient
from kit.auth.metering import BYTES_PER_TOKEN, Metering, Spending
from kit.auth.principal import Principal
from kit.together import together


class _Names(NamedTuple):
    """What leads a request to the model, and the adapter, that answers it."""

    model: str
    component: str
    adapter: str


class MeteredGeneration:
    """Books to the model and the adapter that answered, which only the answer tells.

    Whoever leaves before that has the request itself booked, by a guess from its size, to the
    model whose name it has in the catalogue: the engine has read it, and leaving would cost
    nothing otherwise. What fails by itself costs nothing.

    Raises RateLimited and BudgetSpent before the work; `size` is the request's, in bytes.
    """

    def __init__(self, generation: GenerationClient, metering: Metering) -> None:
        self._generation, self._metering = generation, metering

    async def generate(
        self, who: Principal, operation: str, ask: GenerateRequest, *, size: int
    ) -> Generation:
        async with self._spending(who, operation, [ask], size) as spent:
            try:
                return await self._one(who, ask, spent)
            except asyncio.CancelledError:
                self._guess(spent, ask.model, size)
                raise

    async def generate_all(
        self,
        who: Principal,
        operation: str,
        asks: Sequence[GenerateRequest],
        *,
        size: int,
        at_once: int | None = None,
    ) -> list[Generation]:
        """All that one request asks for: let in as one, so that no limit stops it half-way.

        What it asks of several adapters is booked to each. `at_once` bounds how many are under way.
        """
        places, left = asyncio.Semaphore(at_once or len(asks)), Counter(map(_names, asks))

        async def one(ask: GenerateRequest) -> Generation:
            async with places:
                answer = await self._one(who, ask, spent[_names(ask)])
            left[_names(ask)] -= 1
            return answer

        async with self._spending_each(who, operation, asks, size) as spent:
            try:
                return await together(one(ask) for ask in asks)
            except asyncio.CancelledError:
                for names, part in spent.items():
                    self._guess(part, names.model, size * left[names] // len(asks))
                raise

    @asynccontextmanager
    async def _spending_each(
        self, who: Principal, operation: str, asks: Sequence[GenerateRequest], size: int
    ) -> AsyncIterator[dict[_Names, Spending]]:
        """One for whatever is asked by the same names; the first holds the tokens of all of them.

        All are opened before the work, so that no budget stops it half-way either.
        """
        first, *others = dict.fromkeys(map(_names, asks))
        async with AsyncExitStack() as stack:
            held = self._spending(who, operation, asks, size)
            spent = {first: await stack.enter_async_context(held)}
            for names in others:
                more = self._spending(who, operation, [], 0)
                spent[names] = await stack.enter_async_context(more)
            yield spent

    def _spending(
        self, who: Principal, operation: str, asks: Sequence[GenerateRequest], size: int
    ) -> AbstractAsyncContextManager[Spending]:
        answer = sum((ask.max_tokens or 0) * ask.n for ask in asks)
        return self._metering.spending(who, operation, "", request_bytes=size, answer=answer)

    async def _one(self, who: Principal, ask: GenerateRequest, spent: Spending) -> Generation:
        made = await self._generation.generate(who, ask)
        spent.model, spent.adapter = made.model, made.adapter
        spent.tokens_in += made.input_tokens
        spent.tokens_out += made.output_tokens
        return made

    async def stream(
        self, who: Principal, operation: str, ask: GenerateRequest, *, size: int
    ) -> AsyncGenerator[Delta, None]:
        """Booked also when it is left or breaks: by the parts that came, as the engine counts.

        Of an engine that counts only at the end, every part is taken for a token.
        """
        async with (
            self._spending(who, operation, [ask], size) as spent,
            aclosing(self._generation.stream(who, ask)) as deltas,
        ):
            parts, counted, left = 0, False, False
            try:
                async for delta in deltas:
                    parts += 1
                    counted = counted or _counts(delta)
                    _book(spent, delta)
                    yield delta
            except (asyncio.CancelledError, GeneratorExit):
                left = True
                raise
            finally:
                if (parts or left) and not counted:
                    self._guess(spent, ask.model, size)
                    spent.tokens_out = parts

    def _guess(self, spent: Spending, model: str, size: int) -> None:
        spent.model = spent.model or self._metering.likely_model(model)
        spent.tokens_in += size // BYTES_PER_TOKEN


def _names(ask: GenerateRequest) -> _Names:
    return _Names(ask.model, ask.component, ask.adapter)


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
