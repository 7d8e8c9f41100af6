"""Batches on PostgreSQL, and two workers on one database."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from kit.database import Database
from tests.unit.workers.batch.test_job import *  # noqa: F403 - run here too
from tests.unit.workers.batch.test_job import NEW, Bench, Counting, bench, expected

pytestmark = pytest.mark.integration


async def test_two_workers_answer_every_line_of_each_batch_once(
    database: Database, empty_postgres_url: str
) -> None:
    other = Database(empty_postgres_url)
    here, there = Counting(database, 200, pause=0.005), Counting(other, 200, pause=0.005)
    names = [f"b{number}" for number in range(2, 8)]
    async with bench(database, here) as one, bench(other, there) as two:
        await one.batches.create("t", NEW)
        for number, name in enumerate(names):
            at = (one, two)[number % 2]
            await at.batches.create("t", replace(NEW, id=name))
        for name in ("b1", *names):
            await _ended(one, name)
    asked = Counter((*here.asked, *there.asked))
    assert asked == dict.fromkeys(range(1, 201), 7)
    assert here.asked, "one of them did everything"
    assert there.asked, "one of them did everything"
    assert {here.output, there.output} == {expected(200)}


async def _ended(at: Bench, name: str) -> None:
    async with asyncio.timeout(60):
        while (seen := await at.batches.get("t", "counting", name)).batch.outcome is None:
            await asyncio.sleep(0.05)
    assert (seen.status, seen.batch.succeeded, seen.batch.failed) == ("completed", 199, 1)
