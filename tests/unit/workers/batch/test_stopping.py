"""Batches whose engine breaks under a line, or whose input goes away, end with what they have."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from sqlalchemy import update

from kit.batches.records import Answered
from kit.batches.tables import BATCHES
from kit.database import Database
from kit.errors import Interrupted, NotReady
from tests.unit.workers.batch.test_job import NEW, Counting, bench
from workers.batch import turn
from workers.batch.wire import InputGone, Line, Running


class Fragile(Counting):
    """An engine that `killers` end, together with all that it does at that moment."""

    killers: frozenset[int] = frozenset()
    deaths = 0
    is_down = False

    async def answer(self, running: Running, line: Line) -> Answered:
        if self.is_down:
            raise NotReady("starting", retry_after=0.02)
        before = self.deaths
        self.asked.append(line.number)
        await asyncio.sleep(0.02)
        if line.number in self.killers and self.deaths == before:
            self.deaths += 1
            self.is_down = True
            asyncio.get_running_loop().call_later(0.05, self._come_back)
        if self.deaths > before:
            raise Interrupted("broke off", retry_after=0.01)
        return Answered(0, line.number, True, line.raw)

    def _come_back(self) -> None:
        self.is_down = False


class Vanishing(Counting):
    """Its input has only the lines before `gone_from`, and then tells that it is gone."""

    gone_from: int | None = None

    async def lines(self, running: Running) -> AsyncGenerator[Line, None]:
        async for line in super().lines(running):
            if line.number == self.gone_from:
                raise InputGone("the input was deleted")
            yield line


async def test_a_line_that_kills_its_engine_fails_and_those_beside_it_do_not(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "_FIRST_PAUSE", 0.02)
    monkeypatch.setattr(turn, "_REST", 0.02)
    wire = Fragile(database, 60)
    wire.killers = frozenset({2})
    async with bench(database, wire) as at:
        await at.batches.create("t", NEW)
        seen = await at.ended()
    assert wire.deaths == wire.asked.count(2) == 3
    assert (seen.status, seen.batch.succeeded, seen.batch.failed) == ("completed", 59, 1)
    assert wire.output.split()[1] == b"!2"


async def test_deaths_are_counted_over_all_turns(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "_REST", 30.0)
    monkeypatch.setattr(turn, "LEAST_TURN", 0.1)
    wire = Fragile(database, 3)
    wire.killers = frozenset({2})
    async with bench(database, wire) as at:
        await at.batches.create("t", NEW)
        for death in (1, 2):
            while wire.deaths < death:
                await asyncio.sleep(0.02)
            await at.yields()
        assert (await at.ended()).batch.failed == 1
    assert wire.deaths == 3


async def test_a_batch_of_lines_that_kill_their_engine_is_stopped(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "_FIRST_PAUSE", 0.02)
    monkeypatch.setattr(turn, "_REST", 0.02)
    wire = Fragile(database, 500)
    wire.killers = frozenset(range(100, 501))
    async with bench(database, wire) as at:
        await at.batches.create("t", NEW)
        seen = await at.ended()
    assert seen.status == "failed"
    assert "3 requests of this batch failed" in seen.batch.told["stopped"]
    assert (seen.batch.succeeded, seen.batch.failed) == (99, 3)
    assert len(wire.output.split()) == 102
    assert wire.deaths < 20


async def test_an_input_that_goes_away_between_turns_keeps_the_answers(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "LEAST_TURN", 0.1)
    wire = Vanishing(database, 2000, pause=0.2)
    async with bench(database, wire) as at:
        await at.batches.create("t", NEW)
        while (await at.seen()).batch.succeeded == 0:
            await asyncio.sleep(0.02)
        wire.gone_from = 1
        await at.yields()
        seen = await at.ended()
    assert (seen.status, seen.batch.told["stopped"]) == ("failed", "the input was deleted")
    assert len(wire.output.split()) == seen.batch.succeeded + seen.batch.failed > 0


async def test_lines_under_way_end_when_the_rest_of_the_input_is_gone(database: Database) -> None:
    wire = Vanishing(database, 60, pause=0.2)
    wire.gone_from = 11
    async with bench(database, wire) as at:
        await at.batches.create("t", NEW)
        seen = await at.ended()
    assert (seen.status, seen.batch.succeeded) == ("failed", 10)
    assert wire.output.split() == [b"%d" % n for n in range(1, 11)]


async def test_an_expired_batch_without_its_input_keeps_the_answers(database: Database) -> None:
    wire = Vanishing(database, 400, pause=0.2)
    async with bench(database, wire) as at:
        await at.batches.create("t", NEW)
        while (await at.seen()).batch.succeeded == 0:
            await asyncio.sleep(0.02)
        wire.gone_from = 1
        await database.write(lambda c: c.execute(update(BATCHES).values(expires_at=0.0)))
        seen = await at.ended()
    assert (seen.status, seen.batch.told["stopped"]) == ("expired", "the input was deleted")
    assert len(wire.output.split()) == seen.batch.succeeded + seen.batch.failed > 0
