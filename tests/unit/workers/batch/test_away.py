"""A batch waits for what it reads and writes, as long as it has time."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from kit.batches import store
from kit.batches.records import Outcome
from kit.database import Database
from kit.errors import Unavailable
from tests.unit.workers.batch.test_job import NEW, Counting, bench, expected
from workers.batch import job
from workers.batch.wire import Checked, Running


class Away(Counting):
    """Its storage is away for the first `times` of each call."""

    def __init__(self, database: Database, times: int) -> None:
        super().__init__(database, 20)
        self.times = {"check": times, "conclude": times}

    async def check(self, running: Running) -> Checked:
        self._reach("check")
        return await super().check(running)

    async def conclude(self, running: Running, outcome: Outcome) -> dict[str, Any]:
        self._reach("conclude")
        return await super().conclude(running, outcome)

    def _reach(self, call: str) -> None:
        self.times[call] -= 1
        if self.times[call] >= 0:
            raise Unavailable("the storage is away")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_MOST_ATTEMPTS", 1)
    monkeypatch.setattr(job, "_AWAY", 0.01)


async def test_a_storage_that_is_away_costs_no_attempt(database: Database) -> None:
    wire = Away(database, 2)
    async with bench(database, wire) as at:
        await at.batches.create("t", NEW)
        seen = await at.ended()
    assert (seen.status, seen.job.attempts) == ("completed", 0)
    assert wire.output == expected(20)


async def test_a_storage_that_stays_away_fails_a_batch_whose_time_is_over(
    database: Database,
) -> None:
    wire = Away(database, 1_000_000)
    async with bench(database, wire) as at:
        await at.batches.create("t", replace(NEW, lifetime=0.0))
        while (seen := await at.seen()).status != "failed":
            assert seen.status == "queued"
            await asyncio.sleep(0.02)
    assert seen.failure == "the storage is away"
