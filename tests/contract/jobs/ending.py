"""How attempts end: success with effects, failure, crash, cancel, drain."""

import pytest
from sqlalchemy import Connection, func, select

from kit.database import Database
from kit.errors import Conflict, NotFound
from kit.jobs.cancel import cancel_job, retry_job
from kit.jobs.finish import end_cancelled, finish_job, finished_by, release_job
from kit.jobs.reap import reap, reclaim
from kit.jobs.retry import crash_job, fail_job
from kit.jobs.step import commit_once, write_checkpoint
from kit.jobs.tables import job_effects
from tests.contract.jobs.steps import (
    accept,
    claimed,
    events_of,
    let_lease_end,
    make_due,
    now_is,
    running,
    seconds_until_run,
)

ERROR = {"code": "unavailable", "message": "The model is away."}


class TestFinishing:
    def test_a_finish_commits_the_result_with_its_effects(self, database: Database) -> None:
        job = running(database)
        ran: list[object] = []
        database.write_now(finish_job, job.id, job.epoch, {"rows": 3}, [ran.append])
        assert (now_is(database, job.id).state, now_is(database, job.id).result) == (
            "succeeded",
            {"rows": 3},
        )
        assert len(ran) == 1
        assert database.read_now(finished_by, job.id, job.epoch)

    def test_an_effect_that_fails_leaves_the_job_running(self, database: Database) -> None:
        job = running(database)

        def effect(connection: Connection) -> None:
            raise Conflict("no")

        with pytest.raises(Conflict):
            database.write_now(finish_job, job.id, job.epoch, {}, [effect])
        assert now_is(database, job.id).state == "running"
        assert not database.read_now(finished_by, job.id, job.epoch)

    def test_what_is_given_back_for_later_is_not_claimed_before(self, database: Database) -> None:
        job = running(database)
        database.write_now(release_job, job.id, job.epoch, after=60.0)
        assert now_is(database, job.id).attempts == 0
        assert 59 < seconds_until_run(database, job.id) <= 60

    def test_a_step_commits_once_over_all_attempts(self, database: Database) -> None:
        job = accept(database)
        first = claimed(database, job)
        output = {"id": 7}
        assert database.write_now(commit_once, job.id, first.epoch, "charge", lambda _: output) == {
            "id": 7
        }
        database.write_now(release_job, job.id, first.epoch)
        second = claimed(database, job)

        def never(connection: Connection) -> dict[str, object]:
            raise AssertionError("the step was done")

        assert database.write_now(commit_once, job.id, second.epoch, "charge", never) == output
        rows = select(func.count()).select_from(job_effects)
        assert database.read_now(lambda connection: connection.execute(rows).scalar_one()) == 1


class TestFailing:
    def test_a_retryable_failure_waits_within_the_backoff(self, database: Database) -> None:
        job = running(database)
        database.write_now(fail_job, job.id, job.epoch, ERROR, retryable=True, chance=0.5)
        after = now_is(database, job.id)
        assert (after.state, after.attempts, after.error) == ("queued", 1, ERROR)
        assert 0.5 < seconds_until_run(database, job.id) <= 1.0

    def test_the_servers_own_wait_is_respected(self, database: Database) -> None:
        job = running(database)
        database.write_now(
            fail_job, job.id, job.epoch, ERROR, retryable=True, retry_after=90.0, chance=0.0
        )
        assert seconds_until_run(database, job.id) > 80

    def test_attempts_end_in_failed(self, database: Database) -> None:
        job = accept(database, max_attempts=3)
        for _ in range(3):
            make_due(database, job.id)
            epoch = claimed(database, job).epoch
            database.write_now(fail_job, job.id, epoch, ERROR, retryable=True, chance=0.9)
        assert (now_is(database, job.id).state, now_is(database, job.id).attempts) == ("failed", 3)

    def test_what_cannot_be_retried_fails_at_once(self, database: Database) -> None:
        job = running(database)
        database.write_now(fail_job, job.id, job.epoch, ERROR, retryable=False, chance=0.9)
        assert now_is(database, job.id).state == "failed"
        assert events_of(database, job.id)[-1] == "failed"

    def test_crashes_lead_to_quarantine_then_death_and_back_by_hand(
        self, database: Database
    ) -> None:
        job = accept(database, max_attempts=1)
        for crash in range(1, 6):
            epoch = claimed(database, job).epoch
            database.write_now(crash_job, job.id, epoch, ERROR, chance=0.0)
            assert now_is(database, job.id).quarantined == (crash >= 3)
        assert (now_is(database, job.id).state, now_is(database, job.id).crash_count) == ("dead", 5)
        again = database.write_now(retry_job, "acme", job.id)
        assert (again.state, again.crash_count, again.quarantined) == ("queued", 0, True)


class TestReaping:
    def test_only_a_lease_that_is_over_is_reaped(self, database: Database) -> None:
        silent, alive = running(database), running(database)
        let_lease_end(database, silent.id)
        assert database.write_now(reap) == [silent.id]
        after = now_is(database, silent.id)
        assert (after.state, after.crash_count) == ("queued", 1)
        assert now_is(database, alive.id).state == "running"
        assert seconds_until_run(database, silent.id) <= 0

    def test_a_booting_instance_takes_back_what_others_ran(self, database: Database) -> None:
        job = running(database)
        assert database.write_now(reclaim, "host:1:a") == []
        assert database.write_now(reclaim, "host:1:b") == [job.id]
        assert now_is(database, job.id).state == "queued"

    def test_a_reaped_job_that_was_to_be_cancelled_is_cancelled(self, database: Database) -> None:
        job = running(database)
        database.write_now(cancel_job, "acme", job.id)
        let_lease_end(database, job.id)
        database.write_now(reap)
        assert now_is(database, job.id).state == "cancelled"


class TestStopping:
    def test_a_drained_job_is_queued_at_once_with_its_checkpoint_and_no_crash(
        self, database: Database
    ) -> None:
        job = accept(database)
        first = claimed(database, job)
        database.write_now(write_checkpoint, job.id, first.epoch, {"page": 4})
        database.write_now(release_job, job.id, first.epoch)
        second = claimed(database, job)
        assert (second.epoch, second.checkpoint) == (2, {"page": 4})
        assert now_is(database, job.id).crash_count == 0

    def test_a_queued_job_is_cancelled_at_once(self, database: Database) -> None:
        job = accept(database)
        assert database.write_now(cancel_job, "acme", job.id).state == "cancelled"
        assert database.write_now(cancel_job, "acme", job.id).state == "cancelled"

    def test_a_running_job_is_cancelled_when_it_hears_of_it(self, database: Database) -> None:
        job = running(database)
        asked = database.write_now(cancel_job, "acme", job.id)
        assert (asked.state, asked.cancel_requested) == ("running", True)
        database.write_now(end_cancelled, job.id, job.epoch)
        assert now_is(database, job.id).state == "cancelled"

    def test_a_failure_or_drain_after_a_cancel_ends_the_job(self, database: Database) -> None:
        failed, drained = running(database), running(database)
        for job in (failed, drained):
            database.write_now(cancel_job, "acme", job.id)
        database.write_now(fail_job, failed.id, 1, ERROR, retryable=True, chance=0.1)
        database.write_now(release_job, drained.id, 1)
        assert now_is(database, failed.id).state == "cancelled"
        assert now_is(database, drained.id).state == "cancelled"

    def test_what_has_ended_cannot_be_cancelled_nor_a_success_retried(
        self, database: Database
    ) -> None:
        job = running(database)
        database.write_now(finish_job, job.id, job.epoch, {})
        with pytest.raises(Conflict):
            database.write_now(cancel_job, "acme", job.id)
        with pytest.raises(Conflict):
            database.write_now(retry_job, "acme", job.id)

    @pytest.mark.parametrize("act", [cancel_job, retry_job])
    def test_another_tenants_job_cannot_be_touched(self, database: Database, act: object) -> None:
        job = accept(database)
        with pytest.raises(NotFound):
            database.write_now(act, "other", job.id)  # type: ignore[arg-type]
