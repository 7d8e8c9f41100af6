"""The facade over jobs: waking, events, following."""

import asyncio

import pytest
from typing_extensions import override

from kit.database import Database
from kit.errors import NotFound
from kit.jobs.finish import finish_job, release_job
from kit.jobs.ports import Waker
from kit.jobs.retry import crash_job
from kit.jobs.step import write_progress
from kit.jobs.store import Jobs
from kit.jobs.waker import LocalWaker
from tests.contract.jobs.steps import claimed, set_row


class CountingWaker(Waker):
    wakes = 0

    @override
    async def wake(self) -> None:
        self.wakes += 1


async def test_a_runner_is_woken_for_what_is_accepted_or_retried(database: Database) -> None:
    waker = CountingWaker()
    jobs = Jobs(database, waker)
    job = await jobs.accept("acme", "work", {})
    set_row(database, job.id, state="dead")
    await jobs.retry("acme", job.id)
    assert waker.wakes == 2


async def test_events_are_read_from_where_the_reader_left_off(database: Database) -> None:
    jobs = Jobs(database, LocalWaker())
    job = await jobs.accept("acme", "work", {})
    claimed(database, job)
    accepted, started = await jobs.events("acme", job.id)
    assert (accepted.event, started.event, started.data) == ("accepted", "running", {"epoch": 1})
    assert await jobs.events("acme", job.id, after=accepted.seq) == [started]
    with pytest.raises(NotFound):
        await jobs.events("other", job.id)


async def test_following_a_job_yields_every_event_and_ends_with_it(database: Database) -> None:
    jobs = Jobs(database, LocalWaker())
    job = await jobs.accept("acme", "work", {})

    async def follow() -> list[str]:
        return [event.event async for event in jobs.follow("acme", job.id, poll=0.02)]

    following = asyncio.create_task(follow())
    await asyncio.sleep(0.05)
    epoch = claimed(database, job).epoch
    await database.write(write_progress, job.id, epoch, 1, 2, "half")
    await asyncio.sleep(0.05)
    await database.write(finish_job, job.id, epoch, {})
    assert await asyncio.wait_for(following, 5) == ["accepted", "running", "progress", "succeeded"]


async def test_the_history_of_a_job_that_waits_and_reports_stays_short(database: Database) -> None:
    jobs = Jobs(database, LocalWaker())
    job = await jobs.accept("acme", "work", {})
    seen, after = [], 0
    for wait in range(4):
        epoch = claimed(database, job).epoch
        for done in range(3):
            await database.write(write_progress, job.id, epoch, done, 3, str(wait))
        await database.write(release_job, job.id, epoch)
        for event in await jobs.events("acme", job.id, after=after):
            after = event.seq
            seen.append(event.event)
    assert seen == ["accepted", *["progress", "released"] * 4], "a reader misses nothing new"
    epoch = claimed(database, job).epoch
    await database.write(crash_job, job.id, epoch, {}, chance=0.0)
    await database.write(release_job, job.id, claimed(database, job).epoch)
    left = await jobs.events("acme", job.id)
    names = ["accepted", "progress", "released", "running", "crashed", "released"]
    assert [event.event for event in left] == names
    assert left[1].data == {"done": 2, "total": 3, "note": "3"}
