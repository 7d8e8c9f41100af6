"""The fence is needed at each write of an attempt: without the epoch, the zombie's is taken."""

from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import ColumnElement, Connection, and_

import kit.jobs.fence
from kit.database import Database
from kit.jobs.fence import fence
from kit.jobs.finish import end_cancelled, end_dead, end_failed, finish_job, release_job
from kit.jobs.lease import beat
from kit.jobs.ports import JobLost
from kit.jobs.reap import reap
from kit.jobs.retry import crash_job, fail_job
from kit.jobs.step import commit_once, write_checkpoint, write_progress
from kit.jobs.tables import jobs
from tests.contract.jobs.steps import (
    accept,
    claimed,
    let_lease_end,
    now_is,
)

Write = Callable[[Connection, str, int], object]
ERROR = {"code": "x", "message": "x"}

WRITES: dict[str, Write] = {
    "finish": partial(finish_job, result={"by": "zombie"}),
    "fail": partial(fail_job, error=ERROR, retryable=True, chance=0.0),
    "crash": partial(crash_job, error=ERROR, chance=0.0),
    "release": release_job,
    "end cancelled": end_cancelled,
    "end failed": partial(end_failed, error=ERROR),
    "end dead": partial(end_dead, error=ERROR),
    "beat": partial(beat, lease=10.0),
    "progress": partial(write_progress, done=1, total=2, note=""),
    "checkpoint": partial(write_checkpoint, checkpoint={"by": "zombie"}),
    "step": partial(commit_once, step="one", effect=lambda _: {}),
    "a service's transaction": fence,
}


def without_epoch(job_id: str, epoch: int) -> ColumnElement[bool]:
    return and_(jobs.c.id == job_id, jobs.c.state == "running")


def without_state(job_id: str, epoch: int) -> ColumnElement[bool]:
    return and_(jobs.c.id == job_id, jobs.c.epoch == epoch)


def zombie_beside_a_successor(database: Database) -> tuple[str, int]:
    """A job that runs for the second time, and the number of its first attempt."""
    job = accept(database)
    zombie = claimed(database, job)
    let_lease_end(database, job.id)
    assert database.write_now(reap) == [job.id]
    claimed(database, job)
    return job.id, zombie.epoch


def zombie_of_a_queued_job(database: Database) -> tuple[str, int]:
    """A job that was reaped and waits, and the number of its first attempt."""
    job = accept(database)
    zombie = claimed(database, job)
    let_lease_end(database, job.id)
    assert database.write_now(reap) == [job.id]
    return job.id, zombie.epoch


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
class TestFence:
    def test_a_zombie_beside_its_successor_is_refused(
        self, database: Database, write: Write
    ) -> None:
        job_id, epoch = zombie_beside_a_successor(database)
        before = now_is(database, job_id)
        with pytest.raises(JobLost):
            database.write_now(write, job_id, epoch)
        assert now_is(database, job_id) == before

    def test_a_zombie_of_a_queued_job_is_refused(self, database: Database, write: Write) -> None:
        job_id, epoch = zombie_of_a_queued_job(database)
        before = now_is(database, job_id)
        with pytest.raises(JobLost):
            database.write_now(write, job_id, epoch)
        assert now_is(database, job_id) == before

    def test_without_the_epoch_the_zombie_beside_its_successor_gets_in(
        self, database: Database, write: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job_id, epoch = zombie_beside_a_successor(database)
        monkeypatch.setattr(kit.jobs.fence, "still_owned", without_epoch)
        database.write_now(write, job_id, epoch)

    def test_without_the_state_the_zombie_of_a_queued_job_gets_in(
        self, database: Database, write: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job_id, epoch = zombie_of_a_queued_job(database)
        monkeypatch.setattr(kit.jobs.fence, "still_owned", without_state)
        database.write_now(write, job_id, epoch)
