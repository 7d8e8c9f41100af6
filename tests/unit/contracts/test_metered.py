"""Generated tokens are booked to what wrote them, also when nobody waits for the end."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contracts.generation.answers import Delta, Usage
from contracts.generation.client import GenerateRequest
from contracts.generation.metered import MeteredGeneration
from contracts.generation.requests import CompletionRequest
from kit.auth.budgets import Budgets
from kit.auth.limits import LocalLimiter
from kit.auth.metering import Metering
from kit.auth.principal import Principal
from kit.auth.repository import ensure_tenant
from kit.auth.usage import UsageMeter
from kit.catalogue import Catalogue
from kit.database import Database
from kit.errors import UpstreamFailed

ASK = CompletionRequest(model="m", prompt="x")
LAST = Delta(usage=Usage(input_tokens=5, output_tokens=9, model="test.m", adapter="d"))


class Generation:
    """Streams three parts; may break off before the last, and count no token before it."""

    def __init__(self, *, breaks: bool, counts: bool) -> None:
        self.breaks, self.counts = breaks, counts

    async def stream(self, who: Principal, ask: GenerateRequest) -> AsyncGenerator[Delta, None]:
        read, first, second = (5, 2, 3) if self.counts else (0, 0, 0)
        yield Delta(text="a", input_tokens=read, output_tokens=first, model="test.m", adapter="d")
        yield Delta(text="b", output_tokens=second)
        if self.breaks:
            raise UpstreamFailed("broke off")
        yield LAST


class World:
    def __init__(self, database: Database) -> None:
        tenant = database.write_now(ensure_tenant, "acme")
        self.who = Principal(tenant.id, tenant.account, "key", ())
        usage = UsageMeter(database)
        limiter = LocalLimiter()
        self.metering = Metering(limiter, usage, Budgets(database, usage), Catalogue([]))

    def stream(self, *, breaks: bool = False, counts: bool = True) -> AsyncGenerator[Delta, None]:
        generation = Generation(breaks=breaks, counts=counts)
        metered = MeteredGeneration(generation, self.metering)  # type: ignore[arg-type]
        return metered.stream(self.who, "op", ASK, size=100)

    async def booked(self) -> tuple[str, str, int, int]:
        today = datetime.now(UTC).date()
        (row,) = await self.metering.totals(self.who, today, today)
        return row.model, row.adapter, row.tokens_in, row.tokens_out


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
