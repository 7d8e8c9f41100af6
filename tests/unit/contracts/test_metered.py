"""Generated tokens are booked to what wrote them, also when nobody waits for the end."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contracts.generation.answers import Choice, Delta, Generation, Usage
from contracts.generation.client import GenerateRequest
from contracts.generation.metered import MeteredGeneration
from contracts.generation.requests import CompletionRequest
from kit.auth.budgets import Budgets
from kit.auth.limits import Limits, LocalLimiter
from kit.auth.metering import Metering
from kit.auth.principal import Principal
from kit.auth.repository import ensure_tenant, set_limits
from kit.auth.usage import UsageMeter
from kit.catalogue import Catalogue, ModelEntry
from kit.database import Database
from kit.errors import RateLimited, UpstreamFailed

ASK = CompletionRequest(model="m", prompt="x")
NEVER = CompletionRequest(model="m", prompt="never")
KNOWN = ModelEntry(
    id="test.m",
    name="M",
    provider="Test",
    kind="text",
    engine="vllm",
    description="",
    licence="",
    source="",
    aliases=("m",),
)
LAST = Delta(usage=Usage(input_tokens=5, output_tokens=9, model="test.m", adapter="d"))


class Engine:
    """Streams three parts; may break off before the last, and count no token before it.

    What it is asked for `never` does not come, and what it is asked for `nothing` fails.
    """

    def __init__(self, *, breaks: bool = False, counts: bool = True) -> None:
        self.breaks, self.counts = breaks, counts

    async def generate(self, who: Principal, ask: CompletionRequest) -> Generation:
        if ask.prompt == "never":
            await asyncio.Event().wait()
        if ask.prompt == "nothing":
            raise UpstreamFailed("broke")
        choice = Choice(text="a", finish_reason="stop")
        return Generation(
            choices=[choice],
            input_tokens=5,
            output_tokens=2,
            model="test.m",
            adapter=ask.adapter or "d",
        )

    async def stream(self, who: Principal, ask: GenerateRequest) -> AsyncGenerator[Delta, None]:
        if isinstance(ask, CompletionRequest) and ask.prompt == "never":
            await asyncio.Event().wait()
        read, first, second = (5, 2, 3) if self.counts else (0, 0, 0)
        yield Delta(text="a", input_tokens=read, output_tokens=first, model="test.m", adapter="d")
        yield Delta(text="b", output_tokens=second)
        if self.breaks:
            raise UpstreamFailed("broke off")
        yield LAST


class World:
    def __init__(self, database: Database) -> None:
        self.database = database
        tenant = database.write_now(ensure_tenant, "acme")
        self.who = Principal(tenant.id, tenant.account, "key", ())
        usage = UsageMeter(database)
        limiter = LocalLimiter()
        self.metering = Metering(limiter, usage, Budgets(database, usage), Catalogue([KNOWN]))

    def stream(self, *, breaks: bool = False, counts: bool = True) -> AsyncGenerator[Delta, None]:
        generation = Engine(breaks=breaks, counts=counts)
        return self.metered(generation).stream(self.who, "op", ASK, size=100)

    def metered(self, generation: Engine) -> MeteredGeneration:
        return MeteredGeneration(generation, self.metering)  # type: ignore[arg-type]

    async def booked(self) -> tuple[str, str, int, int]:
        (row,) = await self.booked_each()
        return row

    async def booked_each(self) -> list[tuple[str, str, int, int]]:
        today = datetime.now(UTC).date()
        rows = await self.metering.totals(self.who, today, today)
        return [(row.model, row.adapter, row.tokens_in, row.tokens_out) for row in rows]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    database = Database(f"sqlite:///{tmp_path}/metered.db")
    database.create_tables()
    yield World(database)
    database.close()


async def test_a_whole_stream_is_booked_as_its_end_tells(world: World) -> None:
    async with aclosing(world.stream()) as deltas:
        assert [delta.text async for delta in deltas] == ["a", "b", ""]
    assert await world.booked() == ("test.m", "d", 5, 9)


async def test_a_stream_left_in_the_middle_is_booked_by_what_came(world: World) -> None:
    async with aclosing(world.stream()) as deltas:
        await anext(deltas)
    assert await world.booked() == ("test.m", "d", 5, 2)


async def test_a_stream_that_breaks_is_booked_by_what_came(world: World) -> None:
    async with aclosing(world.stream(breaks=True)) as deltas:
        with pytest.raises(UpstreamFailed):
            _ = [delta async for delta in deltas]
    assert await world.booked() == ("test.m", "d", 5, 5)


async def test_a_stream_left_before_anything_is_counted_is_booked_by_a_guess(world: World) -> None:
    async with aclosing(world.stream(counts=False)) as deltas:
        await anext(deltas)
        await anext(deltas)
    assert await world.booked() == ("test.m", "d", 25, 2)


async def test_what_the_end_counts_takes_the_place_of_a_guess(world: World) -> None:
    async with aclosing(world.stream(counts=False)) as deltas:
        _ = [delta async for delta in deltas]
    assert await world.booked() == ("test.m", "d", 5, 9)


async def left(work: Coroutine[Any, Any, object]) -> None:
    """Waits a little, and then no longer."""
    task = asyncio.create_task(work)
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_answer_is_booked_as_it_tells(world: World) -> None:
    await world.metered(Engine()).generate(world.who, "op", ASK, size=100)
    assert await world.booked() == ("test.m", "d", 5, 2)


async def test_leaving_before_the_answer_costs_what_the_request_may_have(world: World) -> None:
    await left(world.metered(Engine()).generate(world.who, "op", NEVER, size=100))
    assert await world.booked() == ("test.m", "", 25, 0)


async def test_leaving_before_the_first_part_does_too(world: World) -> None:
    stream = world.metered(Engine()).stream(world.who, "op", NEVER, size=100)
    await left(anext(stream))
    assert await world.booked() == ("test.m", "", 25, 0)


async def test_an_answer_that_fails_costs_nothing(world: World) -> None:
    ask = CompletionRequest(model="m", prompt="nothing")
    with pytest.raises(UpstreamFailed):
        await world.metered(Engine()).generate(world.who, "op", ask, size=100)
    assert await world.booked() == ("", "", 0, 0)


async def test_of_many_prompts_those_are_guessed_that_have_no_answer(world: World) -> None:
    await left(world.metered(Engine()).generate_all(world.who, "op", [ASK, NEVER], size=100))
    assert await world.booked() == ("test.m", "d", 5 + 12, 2)


async def test_many_prompts_are_let_in_as_one(world: World) -> None:
    """Else a limit would stop them half-way, and what was answered would be paid for in vain."""
    world.database.write_now(set_limits, world.who.tenant, Limits(tokens_per_minute=25))
    metered = world.metered(Engine())
    made = await metered.generate_all(world.who, "op", [ASK] * 9, size=100, at_once=1)
    assert len(made) == 9
    with pytest.raises(RateLimited):
        await metered.generate_all(world.who, "op", [ASK], size=100)


async def test_each_prompt_is_booked_to_the_adapter_that_answers_it(world: World) -> None:
    spanish, french = (ASK.model_copy(update={"adapter": name}) for name in ("es", "fr"))
    asks = [spanish, french, french, ASK]
    await world.metered(Engine()).generate_all(world.who, "op", asks, size=100)
    assert await world.booked_each() == [
        ("test.m", "d", 5, 2),
        ("test.m", "es", 5, 2),
        ("test.m", "fr", 10, 4),
    ]


async def test_what_several_adapters_wrote_counts_against_the_limit_once(world: World) -> None:
    world.database.write_now(set_limits, world.who.tenant, Limits(tokens_per_minute=200))
    asks = [ASK.model_copy(update={"adapter": name, "max_tokens": 80}) for name in ("es", "fr")]
    metered = world.metered(Engine())
    await metered.generate_all(world.who, "op", asks, size=100)
    with pytest.raises(RateLimited):
        await metered.generate(world.who, "op", ASK, size=4 * 190)
    assert await metered.generate(world.who, "op", ASK, size=4 * 186)


async def test_of_several_adapters_those_are_guessed_that_have_no_answer(world: World) -> None:
    asks = [
        ASK.model_copy(update={"adapter": "es"}),
        NEVER.model_copy(update={"adapter": "fr"}),
    ]
    await left(world.metered(Engine()).generate_all(world.who, "op", asks, size=100))
    assert await world.booked_each() == [("test.m", "", 12, 0), ("test.m", "es", 5, 2)]


async def test_what_an_answer_may_have_is_held_while_it_is_written(world: World) -> None:
    world.database.write_now(set_limits, world.who.tenant, Limits(tokens_per_minute=200))
    ask = ASK.model_copy(update={"max_tokens": 50, "n": 3})
    async with aclosing(world.metered(Engine()).stream(world.who, "op", ask, size=4)) as parts:
        await anext(parts)
        with pytest.raises(RateLimited):
            await world.metered(Engine()).generate(world.who, "op", ask, size=4)
    assert await world.metered(Engine()).generate(world.who, "op", ask, size=4)
