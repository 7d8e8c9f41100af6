"""What becomes of batches whose jobs end without an output, or are to end, on any database."""

from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from kit.batches import progress
from kit.batches.progress import Writer
from kit.batches.records import Answered, NewBatch, Seen
from kit.batches.store import KIND, STOPS, Batches
from kit.batches.tables import ANSWERS
from kit.database import Database, clock
from kit.jobs.cancel import cancel_job, retry_job
from kit.jobs.finish import end_dead, end_failed, release_job
from kit.jobs.lease import claim
from kit.jobs.waker import LocalWaker
from tests.contract.jobs.steps import events_of, set_row

ERROR = {"code": "internal", "message": "broke"}
WEEK = 7 * 86_400.0


async def made(database: Database, name: str) -> Writer:
    """A batch of three lines that runs, and has two answers."""
    batches = Batches(database, LocalWaker())
    seen = await batches.create("t", NewBatch("counting", name, "", {}, "1", "k", 3600.0))
    job = database.write_now(claim, seen.job.id, kinds=[KIND], owner="host:1:a", lease=60.0)
    assert job is not None
    writer = Writer("t", job.id, job.epoch)
    database.write_now(progress.begin, writer, 3, {})
    answers = [Answered(0, line, line == 1, b"{}", 5, 7) for line in (1, 2)]
    database.write_now(progress.append, writer, answers)
    return writer


async def seen(database: Database, name: str) -> Seen:
    return await Batches(database, LocalWaker()).get("t", "counting", name)


async def left(database: Database, writer: Writer, age: float) -> int:
    """How many answers there are, the job having ended so long ago."""
    ended = database.read_now(clock) - age
    set_row(database, writer.job, finished_at=ended)
    await Batches(database, LocalWaker()).sweep()
    count = select(func.count()).where(ANSWERS.c.job == writer.job)
    return int(database.read_now(lambda connection: connection.execute(count).scalar_one()))


class TestCancelling:
    @pytest.mark.parametrize("is_queued", [False, True])
    async def test_a_batch_whose_job_is_cancelled_goes_on_to_write_its_outputs(
        self, database: Database, is_queued: bool
    ) -> None:
        writer = await made(database, f"cancelled-{is_queued}")
        if is_queued:
            database.write_now(release_job, writer.job, writer.epoch)
        database.write_now(cancel_job, "t", writer.job, STOPS)
        job = database.write_now(cancel_job, "t", writer.job, STOPS)
        assert (job.state, job.cancel_requested) == ("queued" if is_queued else "running", False)
        assert (await seen(database, f"cancelled-{is_queued}")).status == "cancelling"
        assert events_of(database, writer.job).count("cancel_requested") == 1


class TestForgetting:
    @pytest.mark.parametrize("end", [end_dead, end_failed])
    async def test_answers_without_an_output_are_forgotten_after_a_week(
        self, database: Database, end: Callable[..., None]
    ) -> None:
        writer = await made(database, f"given-up-{end.__name__}")
        database.write_now(end, writer.job, writer.epoch, ERROR)
        assert await left(database, writer, WEEK - 60) == 2
        assert await left(database, writer, WEEK + 60) == 0

    async def test_a_job_that_is_tried_again_after_that_begins_anew(
        self, database: Database
    ) -> None:
        writer = await made(database, "anew")
        database.write_now(end_dead, writer.job, writer.epoch, ERROR)
        assert await left(database, writer, WEEK + 60) == 0
        database.write_now(retry_job, "t", writer.job)
        batch = (await seen(database, "anew")).batch
        assert (batch.succeeded, batch.failed, batch.total) == (0, 0, 3)
        assert (batch.tokens_in, batch.tokens_out) == (10, 14), "they were used"

    async def test_a_batch_that_runs_keeps_its_answers(self, database: Database) -> None:
        writer = await made(database, "runs")
        assert await left(database, writer, WEEK + 60) == 2
