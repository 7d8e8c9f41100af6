"""An attempt whose database goes away at the worst moment."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from kit.database import Database
from kit.errors import Unavailable
from kit.jobs import heart as heart_module
from kit.jobs.attempt import Attempt
from kit.jobs.finish import finish_job
from kit.jobs.heart import Heart
from kit.jobs.job import ClaimedJob
from kit.jobs.ports import JobContext, JsonObject
from tests.contract.jobs.steps import events_of, now_is, running

Work = Callable[[JobContext], Awaitable[JsonObject]]


class Unsteady:
    """A database that fails some writes, before or after their COMMIT."""

    def __init__(self, database: Database, fails: Callable[[str, bool], bool]) -> None:
        """`fails(name of the transaction, whether it is committed)`."""
        self._database = database
        self._fails = fails
        self.read = database.read

    async def write(self, work: Any, *args: Any, **kwargs: Any) -> Any:
        name = getattr(work, "func", work).__name__
        if self._fails(name, False):
            raise Unavailable("The connection was lost.")
        result = await self._database.write(work, *args, **kwargs)
        if self._fails(name, True):
            raise Unavailable("The connection was lost in COMMIT.")
        return result


async def run(database: Any, job: ClaimedJob, work: Work, lease: float = 10.0) -> str:
    heart = Heart(database, lease=lease)
    try:
        return await Attempt(database, {"work": work}, heart, job).run(time.monotonic())
    finally:
        await heart.stop()


async def done(job: JobContext) -> JsonObject:
    return {"done": True}


def block_until(happened: Callable[[], bool]) -> None:
    """Keeps the event loop from running meanwhile."""
    deadline = time.monotonic() + 8.0
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def once(*events: tuple[str, bool]) -> Callable[[str, bool], bool]:
    left = list(events)

    def fails(name: str, committed: bool) -> bool:
        if (name, committed) in left:
            left.remove((name, committed))
            return True
        return False

    return fails


async def test_a_finish_that_failed_before_its_commit_is_sent_again(database: Database) -> None:
    job = running(database)
    unsteady = Unsteady(database, once((finish_job.__name__, False)))
    assert await run(unsteady, job, done) == "succeeded"
    assert events_of(database, job.id).count("succeeded") == 1


async def test_a_finish_whose_answer_got_lost_counts_once(database: Database) -> None:
    job = running(database)
    effects: list[object] = []

    async def work(context: JobContext) -> JsonObject:
        context.at_finish(effects.append)
        return {}

    unsteady = Unsteady(database, once((finish_job.__name__, True)))
    assert await run(unsteady, job, work) == "succeeded"
    assert len(effects) == 1
    assert events_of(database, job.id).count("succeeded") == 1


async def test_without_beats_an_attempt_stops_itself_before_its_lease_ends(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    job, began, stopped_at = running(database), time.monotonic(), 0.0

    async def work(context: JobContext) -> JsonObject:
        nonlocal stopped_at
        try:
            await asyncio.sleep(60)
        finally:
            stopped_at = time.monotonic() - began
        return {}

    unsteady = Unsteady(database, lambda name, _: name == "beat")
    assert await run(unsteady, job, work, lease=2.0) == "lost"
    assert 1.5 < stopped_at < 2.0
    assert re.search(rf"no beat of job {job.id} got through: \w+\(", caplog.text)
    assert now_is(database, job.id).state == "running"  # the reaper's, once the lease is over


async def test_without_the_self_stop_an_attempt_would_outlive_its_lease(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heart_module, "SELF_STOP", 3.0)

    async def work(context: JobContext) -> JsonObject:
        await asyncio.sleep(1.2)
        return {}

    unsteady = Unsteady(database, lambda name, _: name == "beat")
    assert await run(unsteady, running(database), work, lease=1.0) == "succeeded"


async def test_a_loop_blocked_for_too_long_gives_its_jobs_up(database: Database) -> None:
    stuck = []
    job = running(database)
    heart = Heart(database, lease=0.4, patience=0.5, stuck=lambda: stuck.append(True))
    with heart.hold(job.id, job.epoch, time.monotonic(), lambda: None) as hold:
        block_until(lambda: bool(stuck))
    await heart.stop()
    assert hold.lost


async def beats_for(heart: Heart, job: ClaimedJob, now: Callable[[], float]) -> None:
    with heart.hold(job.id, job.epoch, claimed_at := now(), lambda: None) as hold:
        while hold.good_at == claimed_at:
            assert now() < claimed_at + 8.0
            await asyncio.sleep(0.05)


async def test_a_loop_that_runs_again_keeps_what_it_claims_then(database: Database) -> None:
    before = running(database)
    heart = Heart(database, lease=4.0, patience=1.0)
    with heart.hold(before.id, before.epoch, time.monotonic(), lambda: None) as hold:
        block_until(lambda: hold.lost)
    await asyncio.sleep(0.1)
    await beats_for(heart, running(database), time.monotonic)
    await heart.stop()


async def test_a_process_that_was_suspended_is_not_taken_for_stuck(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    suspended, stuck = 0.0, []
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + suspended)
    monkeypatch.setattr(heart_module, "time", clock)
    heart = Heart(database, lease=4.0, stuck=lambda: stuck.append(True))
    suspended = 100.0
    await beats_for(heart, running(database), clock.monotonic)
    await heart.stop()
    assert not stuck
