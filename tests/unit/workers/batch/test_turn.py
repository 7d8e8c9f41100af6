"""A batch's turn ends for others without what it has begun, and only for those it can help."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection, update

from kit.batches.records import Answered
from kit.batches.tables import BATCHES
from kit.database import Database
from kit.jobs.due import others_wait
from tests.unit.workers.batch.test_job import NEW, Bench, Counting, bench
from workers.batch import turn
from workers.batch.wire import Line, Running


class Held(Counting):
    """Gives no answer before `go`."""

    def __init__(self, database: Database, lines: int) -> None:
        super().__init__(database, lines)
        self.go = asyncio.Event()

    async def answer(self, running: Running, line: Line) -> Answered:
        answered = await super().answer(running, line)
        await self.go.wait()
        return answered


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What turns learned of others that wait, each time that they looked."""
    found: list[bool] = []

    def look(connection: Connection, *args: Any, **how: Any) -> bool:
        found.append(others_wait(connection, *args, **how))
        return found[-1]

    monkeypatch.setattr(turn, "others_wait", look)
    monkeypatch.setattr(turn, "LEAST_TURN", 0.0)
    monkeypatch.setattr(turn, "PATIENCE", 0.0)
    return found


async def until_seen(looked: list[bool], what: bool) -> None:
    async with asyncio.timeout(30):
        while what not in looked:
            await asyncio.sleep(0.02)


async def until_others_wait(at: Bench, wire: Held, looked: list[bool]) -> None:
    """A batch whose lines are all under way, and a job that it knows of."""
    await at.batches.create("t", NEW)
    while len(wire.asked) < 8:
        await asyncio.sleep(0.02)
    await at.jobs.accept("other", "short", {})
    await until_seen(looked, True)


async def test_a_line_under_way_is_not_left_because_others_wait(
    database: Database, looked: list[bool]
) -> None:
    wire = Held(database, 8)
    async with bench(database, wire) as at:
        await until_others_wait(at, wire, looked)
        await asyncio.sleep(2 * turn.KEPT_EVERY)
        wire.go.set()
        seen = await at.ended()
    assert sorted(wire.asked) == list(range(1, 9))
    assert (seen.batch.succeeded, seen.job.epoch) == (8, 2)


async def test_a_turn_that_is_to_yield_ends_with_its_batch(
    database: Database, looked: list[bool]
) -> None:
    wire = Held(database, 8)
    async with bench(database, wire) as at:
        await until_others_wait(at, wire, looked)
        await database.write(lambda c: c.execute(update(BATCHES).values(expires_at=0.0)))
        assert (await at.ended()).status == "expired"
    assert len(wire.asked) == 8


async def test_a_batch_keeps_its_place_from_a_job_that_nobody_here_can_run(
    database: Database, looked: list[bool]
) -> None:
    wire = Held(database, 8)
    async with bench(database, wire) as at:
        await at.jobs.accept("other", "of-a-newer-version", {})
        await at.batches.create("t", NEW)
        await until_seen(looked, False)
        wire.go.set()
        seen = await at.ended()
    assert (seen.status, seen.job.epoch, True in looked) == ("completed", 1, False)
