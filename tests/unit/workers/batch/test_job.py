"""The job of a batch: turns that end for others, for time, for its owner, and go on after."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import update

from kit.batches.records import Answered, NewBatch, Outcome, Seen
from kit.batches.store import KIND, STOPS, Batches
from kit.batches.tables import BATCHES
from kit.database import Database
from kit.errors import (
    BudgetSpent,
    InvalidRequest,
    PlatformError,
    RateLimited,
    TookTooLong,
    UpstreamFailed,
)
from kit.jobs import attempt
from kit.jobs.ports import JobContext, JsonObject
from kit.jobs.runner import JobRunner
from kit.jobs.store import Jobs
from kit.jobs.waker import LocalWaker
from workers.batch import turn
from workers.batch.job import BatchJob
from workers.batch.outputs import answers
from workers.batch.wire import Checked, Line, Running


class Counting:
    """A BatchWire of numbered lines; keeps what it answered, and the outputs that it made."""

    def __init__(self, database: Database, lines: int, pause: float = 0.0) -> None:
        self.database, self.total, self.pause = database, lines, pause
        self.asked: list[int] = []
        self.broken: dict[int, int] = {}
        self.refusals: dict[int, PlatformError] = {}
        self.output, self.answered = b"", 0

    async def check(self, running: Running) -> Checked:
        return Checked(self.total, {})

    async def lines(self, running: Running) -> AsyncGenerator[Line, None]:
        for number in range(1, self.total + 1):
            yield Line(0, number, b"%d" % number)

    async def answer(self, running: Running, line: Line) -> Answered:
        self.asked.append(line.number)
        await asyncio.sleep(self.pause)
        if self.broken.get(line.number, 0):
            self.broken[line.number] -= 1
            raise UpstreamFailed("broken")
        if line.number in self.refusals:
            raise self.refusals[line.number]
        if line.number == 13:
            raise InvalidRequest("unlucky")
        self.answered += 1
        return Answered(0, line.number, True, line.raw, tokens_in=1, tokens_out=2)

    def failed(self, running: Running, line: Line, error: PlatformError) -> Answered:
        return Answered(0, line.number, False, b"!" + line.raw)

    def expired(self, running: Running, line: Line) -> Answered:
        return Answered(0, line.number, False, b"?" + line.raw)

    def stopped(self, error: PlatformError) -> dict[str, Any]:
        return {"stopped": error.message}

    async def conclude(self, running: Running, outcome: Outcome) -> dict[str, Any]:
        parts = [part async for part in answers(self.database, running.writer)]
        self.output = b"".join(parts)
        return {"outcome": outcome}


class Untellable(Counting):
    """It cannot even say that its thirteenth line failed."""

    def failed(self, running: Running, line: Line, error: PlatformError) -> Answered:
        raise TypeError("not JSON")


NEW = NewBatch("counting", "b1", "", {}, "1", "k", 3600.0)


class Bench:
    def __init__(self, database: Database, wire: Counting) -> None:
        self.database, self.wire, self.waker = database, wire, LocalWaker()
        self.batches = Batches(database, self.waker)
        self.jobs = Jobs(database, self.waker, stops=STOPS)
        self.between: list[Outcome | None] = []
        """How the batch had ended when a short job ran, one for each."""
        self.booked = 0
        """Tokens of the answers that were there when usage was last stored."""
        batch = BatchJob(database, {"counting": wire}, self.book).run
        self.runner = JobRunner(
            database, {KIND: batch, "short": self.short}, self.waker, concurrency=1, poll=0.05
        )

    async def book(self) -> None:
        kept = (await self.seen()).batch.tokens_in
        assert kept <= self.booked, "an answer was kept before what it used was booked"
        self.booked = self.wire.answered

    async def short(self, context: JobContext) -> JsonObject:
        self.between.append((await self.seen()).batch.outcome)
        return {}

    async def seen(self) -> Seen:
        return await self.batches.get("t", "counting", "b1")

    async def yields(self) -> None:
        """Has the batch give its place to a short job."""
        shorts = len(self.between)
        await self.jobs.accept("other", "short", {})
        while len(self.between) == shorts:
            await asyncio.sleep(0.02)

    async def ended(self, seconds: float = 60) -> Seen:
        deadline = time.monotonic() + seconds
        while (seen := await self.seen()).batch.outcome is None:
            assert time.monotonic() < deadline, seen
            await asyncio.sleep(0.02)
        return seen


@asynccontextmanager
async def bench(database: Database, wire: Counting) -> AsyncIterator[Bench]:
    made = Bench(database, wire)
    await made.runner.start()
    try:
        yield made
    finally:
        await made.runner.stop()
        database.close()


def expected(total: int, *, failed: str = "!") -> bytes:
    lines = [f"{failed if n == 13 else ''}{n}\n" for n in range(1, total + 1)]
    return "".join(lines).encode()


async def test_every_line_is_asked_once_and_answered_in_order(database: Database) -> None:
    wire = Counting(database, 150)
    async with bench(database, wire) as at:
        await at.batches.create("t", NEW)
        seen = await at.ended()
    assert wire.output == expected(150)
    assert sorted(wire.asked) == list(range(1, 151))
    assert (seen.status, seen.batch.succeeded, seen.batch.failed) == ("completed", 149, 1)
    assert (seen.batch.tokens_in, seen.batch.tokens_out) == (149, 298)
    assert at.booked == 149


async def test_a_line_whose_engine_breaks_is_asked_again_and_then_fails(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "_FIRST_PAUSE", 0.01)
    wire = Counting(database, 3)
    wire.broken = {1: 2, 2: 3}
    async with bench(database, wire) as at:
        await at.batches.create("t", NEW)
        await at.ended()
    assert wire.output == b"1\n!2\n3\n"


async def test_a_batch_with_a_line_that_nothing_can_be_told_of_is_not_called_done(
    database: Database,
) -> None:
    wire = Untellable(database, 20)
    async with bench(database, wire) as at:
        await at.batches.create("t", NEW)
        seen = await at.ended()
    assert (seen.status, seen.batch.succeeded) == ("failed", 19)
    assert "The server had an error" in seen.batch.told["stopped"]


async def test_a_line_that_takes_too_long_is_asked_once(database: Database) -> None:
    wire = Counting(database, 1)
    wire.refusals = {1: TookTooLong("late")}
    async with bench(database, wire) as at:
        await at.batches.create("t", NEW)
        await at.ended()
    assert wire.asked == [1]
    assert wire.output == b"!1\n"


async def test_lines_over_a_limit_wait_for_their_turn(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "_FIRST_PAUSE", 0.01)
    wire = Counting(database, 3)
    wire.refusals = {2: RateLimited("over", retry_after=0.05)}
    async with bench(database, wire) as at:
        await at.batches.create("t", NEW)
        while wire.asked.count(2) < 3:
            await asyncio.sleep(0.01)
        wire.refusals.clear()
        assert (await at.ended()).batch.failed == 0
    assert wire.output == b"1\n2\n3\n"


async def test_a_line_that_no_minute_has_room_for_fails_at_once(database: Database) -> None:
    wire = Counting(database, 3)
    wire.refusals = {2: RateLimited("more than a minute's")}
    async with bench(database, wire) as at:
        await at.batches.create("t", NEW)
        await at.ended()
    assert wire.output == b"1\n!2\n3\n"


async def test_a_spent_budget_ends_a_batch_that_keeps_what_it_paid_for(database: Database) -> None:
    wire = Counting(database, 400, pause=0.05)
    wire.refusals = {n: BudgetSpent("the budget is spent") for n in range(20, 401)}
    async with bench(database, wire) as at:
        await at.batches.create("t", NEW)
        seen = await at.ended()
    assert seen.status == "failed"
    assert seen.batch.told == {"outcome": "failed", "stopped": "the budget is spent"}
    assert wire.output == expected(19), "lines under way were left, or refused ones told as failed"
    assert len(wire.asked) < 100, "it went on asking"


async def test_a_batch_gives_its_place_to_those_that_wait_and_goes_on(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "LEAST_TURN", 0.0)
    wire = Counting(database, 2000, pause=0.2)  # 12 s of lines: nothing here takes as long
    async with bench(database, wire) as at:
        await at.batches.create("t", NEW)
        while not wire.asked:
            await asyncio.sleep(0.02)
        await at.yields()
        wire.pause = 0.0
        await at.ended()
    assert at.between == [None], "the short job had to wait for the whole batch"
    assert wire.output == expected(2000)
    assert sorted(wire.asked) == list(range(1, 2001)), "a line that was under way was asked again"


async def test_what_is_not_done_in_time_expires(database: Database) -> None:
    wire = Counting(database, 2000, pause=0.2)
    async with bench(database, wire) as at:
        await at.batches.create("t", NEW)
        while (await at.seen()).batch.succeeded == 0:
            await asyncio.sleep(0.02)
        await database.write(lambda c: c.execute(update(BATCHES).values(expires_at=0.0)))
        seen = await at.ended()
    assert seen.status == "expired"
    lines = wire.output.decode().split()
    assert [line.strip("!?") for line in lines] == [str(n) for n in range(1, 2001)]
    assert "2000" not in lines
    assert seen.batch.succeeded + seen.batch.failed == 2000


async def test_a_batch_that_is_cancelled_as_a_job_keeps_its_answers(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempt, "CANCEL_GRACE", 0.0)  # its outputs take longer than a cancel may
    wire = Counting(database, 10_000, pause=0.1)
    async with bench(database, wire) as at:
        await at.batches.create("t", NEW)
        while (await at.seen()).batch.succeeded < 20:
            await asyncio.sleep(0.02)
        await at.jobs.cancel("t", (await at.seen()).job.id)
        seen = await at.ended()
    assert (seen.status, seen.batch.told) == ("cancelled", {"outcome": "cancelled"})
    assert len(wire.output.split()) == seen.batch.succeeded + seen.batch.failed >= 20


async def test_a_batch_that_was_cancelled_before_it_began_asks_nothing(
    database: Database,
) -> None:
    wire = Counting(database, 10)
    made = Bench(database, wire)
    await made.batches.create("t", NEW)
    await made.batches.cancel("t", "counting", "b1")
    async with bench(database, wire) as at:
        assert (await at.ended()).status == "cancelled"
    assert wire.asked == []
