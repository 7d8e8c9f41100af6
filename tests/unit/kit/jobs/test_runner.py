"""Jobs that run in this process, from accept to their end."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from kit.database import Database
from kit.errors import Conflict, InvalidRequest, Unavailable
from kit.jobs import attempt as attempt_module
from kit.jobs import runner as runner_module
from kit.jobs.cancel import cancel_job
from kit.jobs.job import Job
from kit.jobs.ports import Handlers, JobContext, JsonObject
from kit.jobs.retry import crash_job
from kit.jobs.runner import JobRunner
from kit.jobs.store import Jobs
from kit.jobs.tables import job_effects
from kit.jobs.waker import LocalWaker
from tests.contract.jobs.steps import accept, events_of, now_is, running, set_row


async def until(database: Database, job: Job, *states: str, seconds: float = 8.0) -> Job:
    deadline = time.monotonic() + seconds
    while (now := now_is(database, job.id)).state not in states:
        assert time.monotonic() < deadline, f"still {now.state}, not {states}"
        await asyncio.sleep(0.02)
    return now


class Running:
    """A runner that is stopped at the end of the block."""

    def __init__(self, database: Database, work: Any, **how: Any) -> None:
        handlers: Handlers = {"work": work}
        self.waker = LocalWaker()
        self.jobs = Jobs(database, self.waker)
        self.runner = JobRunner(database, handlers, self.waker, **({"poll": 0.1} | how))

    async def __aenter__(self) -> "Running":
        await self.runner.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.runner.stop()


async def echo(job: JobContext) -> JsonObject:
    return {"echo": job.input}


async def endless(job: JobContext) -> JsonObject:
    await asyncio.sleep(600)
    return {}


def raises(error: Exception) -> Callable[[JobContext], Awaitable[JsonObject]]:
    async def work(job: JobContext) -> JsonObject:
        raise error

    return work


async def test_an_accepted_job_runs_without_waiting_for_a_poll(database: Database) -> None:
    async with Running(database, echo, poll=30.0) as running_now:
        await asyncio.sleep(0.1)
        job = await running_now.jobs.accept("acme", "work", {"x": 1})
        assert (await until(database, job, "succeeded")).result == {"echo": {"x": 1}}
        running_now.waker.wake_now()


async def test_a_claim_that_breaks_is_not_the_last(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real, broken = runner_module.claim_due, 4

    def breaks(*arguments: Any, **how: Any) -> Any:
        nonlocal broken
        broken -= 1
        if broken >= 0:
            raise RuntimeError("a bug")
        return real(*arguments, **how)

    monkeypatch.setattr(runner_module, "claim_due", breaks)
    job = accept(database)
    async with Running(database, echo):
        await until(database, job, "succeeded")
    assert "it is tried again" in caplog.text


async def test_a_handlers_expected_error_becomes_the_jobs(database: Database) -> None:
    job = accept(database)
    async with Running(database, raises(InvalidRequest("The file is empty.", param="file"))):
        ended = await until(database, job, "failed")
    assert ended.error == {"code": "invalid_request", "message": "The file is empty."}


async def test_a_retryable_error_is_tried_again(database: Database) -> None:
    job = accept(database, max_attempts=2)
    async with Running(database, raises(Unavailable("Away."))):
        await until(database, job, "queued", "failed")
        set_row(database, job.id, run_at=0.0)
        assert (await until(database, job, "failed")).attempts == 2


async def test_a_bug_counts_as_a_crash_and_tells_the_owner_nothing_of_the_inside(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    job = accept(database)
    async with Running(database, raises(ZeroDivisionError("secret detail"))):
        while now_is(database, job.id).crash_count == 0:
            await asyncio.sleep(0.02)
    error = now_is(database, job.id).error
    assert error is not None
    assert "secret" not in str(error)
    assert "secret detail" in caplog.text


async def test_a_result_that_is_no_json_counts_as_a_crash(database: Database) -> None:
    async def work(job: JobContext) -> JsonObject:
        return {"result": object()}

    job = accept(database)
    async with Running(database, work):
        while now_is(database, job.id).crash_count == 0:
            await asyncio.sleep(0.02)


async def test_a_running_job_is_cancelled_at_its_next_progress(database: Database) -> None:
    async def work(job: JobContext) -> JsonObject:
        while True:
            await job.progress(1, 2)
            await asyncio.sleep(0.05)

    async with Running(database, work) as running_now:
        job = await running_now.jobs.accept("acme", "work", {})
        await until(database, job, "running")
        await running_now.jobs.cancel("acme", job.id)
        await until(database, job, "cancelled")


async def test_a_handler_that_does_not_listen_is_cancelled_after_a_grace(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempt_module, "CANCEL_GRACE", 0.1)
    async with Running(database, endless, lease=1.0) as running_now:
        job = await running_now.jobs.accept("acme", "work", {})
        await until(database, job, "running")
        database.write_now(cancel_job, "acme", job.id)
        await until(database, job, "cancelled")


async def test_stop_gives_running_jobs_back_uncounted(database: Database) -> None:
    async with Running(database, endless):
        job = accept(database)
        await until(database, job, "running")
    after = now_is(database, job.id)
    assert (after.state, after.crash_count, after.attempts) == ("queued", 0, 0)


async def test_stop_lets_a_short_job_end_within_its_grace(database: Database) -> None:
    async def short(job: JobContext) -> JsonObject:
        await asyncio.sleep(0.3)
        return {}

    job = accept(database)
    running_now = Running(database, short)
    await running_now.runner.start()
    await until(database, job, "running")
    await running_now.runner.stop(grace=5.0)
    assert now_is(database, job.id).state == "succeeded"


async def test_a_job_longer_than_its_lease_keeps_it(database: Database) -> None:
    async def long(job: JobContext) -> JsonObject:
        await asyncio.sleep(2.8)
        return {}

    job = accept(database)
    async with Running(database, long, lease=2.0):
        assert (await until(database, job, "succeeded")).epoch == 1


async def test_a_blocked_event_loop_does_not_lose_the_lease(database: Database) -> None:
    async def blocks(job: JobContext) -> JsonObject:
        time.sleep(2.8)
        return {}

    job = accept(database)
    async with Running(database, blocks, lease=2.0):
        ended = await until(database, job, "succeeded")
    assert (ended.epoch, ended.crash_count) == (1, 0)


async def test_an_attempt_that_lost_its_job_is_stopped_and_writes_nothing(
    database: Database,
) -> None:
    stopped = asyncio.Event()

    async def work(job: JobContext) -> JsonObject:
        if job.epoch > 1:
            return {"by": job.epoch}
        try:
            await asyncio.sleep(600)
        finally:
            stopped.set()
        return {}

    job = accept(database)
    async with Running(database, work, lease=2.0):
        await until(database, job, "running")
        database.write_now(crash_job, job.id, 1, {"code": "x", "message": "x"}, chance=0.0)
        assert (await until(database, job, "succeeded")).result == {"by": 2}
        await asyncio.wait_for(stopped.wait(), 5)


async def test_a_step_and_a_finishing_write_land_once_although_the_first_attempt_breaks(
    database: Database,
) -> None:
    def note(step: str, job: JobContext) -> Callable[[Connection], object]:
        row = {"job_id": job.id, "step": step, "epoch": job.epoch, "output": {}}
        return lambda connection: connection.execute(insert(job_effects).values(row))

    async def work(job: JobContext) -> JsonObject:
        out = await job.once("charge", lambda _: {"charged_by": job.epoch})
        job.at_finish(note(f"finish {job.epoch}", job))
        if job.epoch == 1:
            raise Unavailable("after the charge", retry_after=0)
        return out

    job = accept(database)
    async with Running(database, work):
        while now_is(database, job.id).attempts == 0:
            await asyncio.sleep(0.02)
        set_row(database, job.id, run_at=0.0)
        assert (await until(database, job, "succeeded")).result == {"charged_by": 1}
    steps = database.read_now(lambda c: c.execute(select(job_effects.c.step)).scalars().all())
    assert sorted(steps) == ["charge", "finish 2"]


async def test_of_quarantined_jobs_one_runs_at_a_time(database: Database) -> None:
    suspects = [accept(database) for _ in range(3)]
    for suspect in suspects:
        set_row(database, suspect.id, quarantined=True)
    plain = accept(database)
    async with Running(database, endless):
        await until(database, plain, "running")
        await asyncio.sleep(0.5)
        states = [now_is(database, suspect.id).state for suspect in suspects]
    assert sorted(states) == ["queued", "queued", "running"]


async def test_a_boot_starts_again_at_once_what_the_last_process_ran(
    database: Database, tmp_path: Path
) -> None:
    job = running(database)
    async with Running(database, echo, instance_lock=tmp_path / "jobs.lock"):
        assert (await until(database, now_is(database, job.id), "succeeded", seconds=3)).epoch == 2
    assert "crashed" in events_of(database, job.id)


async def test_a_second_instance_on_the_same_data_is_refused(
    database: Database, tmp_path: Path
) -> None:
    lock = tmp_path / "jobs.lock"
    async with Running(database, echo, instance_lock=lock):
        with pytest.raises(Conflict):
            await Running(database, echo, instance_lock=lock).runner.start()
    async with Running(database, echo, instance_lock=lock):
        pass
