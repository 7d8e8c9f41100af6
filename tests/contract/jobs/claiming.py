"""Claims, leases and the order in which jobs get their turn."""

import threading

import pytest

from kit.database import Database
from kit.jobs.dispatch import dispatch
from kit.jobs.due import others_wait
from kit.jobs.finish import finish_job
from kit.jobs.job import ClaimedJob
from kit.jobs.lease import beat, claim_due
from kit.jobs.ports import JobLost
from kit.jobs.tables import jobs
from tests.contract.jobs.steps import (
    KINDS,
    accept,
    claimed,
    let_lease_end,
    now_is,
    running,
    set_row,
    try_claim,
)


def claim_many(database: Database, limit: int, **how: object) -> list[ClaimedJob]:
    asked = {"kinds": KINDS, "owner": "host:1:a", "lease": 10.0} | how
    return database.write_now(claim_due, limit=limit, **asked)  # type: ignore[arg-type]


class TestClaiming:
    def test_a_claim_starts_a_numbered_attempt(self, database: Database) -> None:
        job = running(database, input={"n": 1})
        assert (job.epoch, job.input, job.checkpoint) == (1, {"n": 1}, {})
        assert now_is(database, job.id).state == "running"

    def test_a_second_message_for_a_job_claims_nothing(self, database: Database) -> None:
        job = accept(database)
        assert try_claim(database, job) is not None
        assert try_claim(database, job) is None

    def test_a_job_that_is_not_due_is_not_claimed(self, database: Database) -> None:
        job = accept(database, delay=60.0)
        assert try_claim(database, job) is None
        assert claim_many(database, 5) == []

    def test_an_unknown_kind_is_left_for_who_knows_it(self, database: Database) -> None:
        job = accept(database, kind="work.v2")
        assert try_claim(database, job) is None
        assert claim_many(database, 5) == []
        assert now_is(database, job.id).state == "queued"

    def test_racing_claims_give_each_job_to_one(self, database: Database) -> None:
        made = {accept(database).id for _ in range(12)}
        taken: list[str] = []

        def take() -> None:
            while got := claim_many(database, 2):
                taken.extend(job.id for job in got)

        threads = [threading.Thread(target=take) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(taken) == sorted(made)

    def test_quarantined_jobs_are_claimed_apart(self, database: Database) -> None:
        plain, suspect = accept(database), accept(database)
        set_row(database, suspect.id, quarantined=True)
        assert [job.id for job in claim_many(database, 5)] == [plain.id]
        assert [job.id for job in claim_many(database, 5, quarantined=True)] == [suspect.id]

    def test_others_wait_for_the_place_of_a_job_that_could_have_it(
        self, database: Database
    ) -> None:
        def others_wait_for(job: ClaimedJob) -> bool:
            return database.read_now(others_wait, job.id, kinds=KINDS)

        plain, suspect = running(database), running(database)
        set_row(database, suspect.id, quarantined=True)
        accept(database, kind="of-a-newer-version")
        assert not others_wait_for(plain)
        other = accept(database)
        assert others_wait_for(plain)
        assert not others_wait_for(suspect)
        set_row(database, other.id, quarantined=True)
        assert not others_wait_for(plain)
        assert others_wait_for(suspect)


class TestBeating:
    def test_a_beat_renews_the_lease_and_hears_a_cancel(self, database: Database) -> None:
        job = running(database)
        let_lease_end(database, job.id)
        assert database.write_now(beat, job.id, job.epoch, 10.0) is False
        lease = database.read_now(
            lambda connection: connection.execute(jobs.select()).one().lease_until
        )
        assert lease > now_is(database, job.id).created_at
        set_row(database, job.id, cancel_requested=True)
        assert database.write_now(beat, job.id, job.epoch, 10.0) is True

    def test_a_beat_of_an_earlier_attempt_is_refused(self, database: Database) -> None:
        job = accept(database)
        first = claimed(database, job)
        set_row(database, job.id, state="queued")
        claimed(database, job)
        with pytest.raises(JobLost):
            database.write_now(beat, first.id, first.epoch, 10.0)


class TestOrder:
    def test_higher_priority_goes_first_then_the_older(self, database: Database) -> None:
        low, old, new = (accept(database, priority=priority).id for priority in (-1, 0, 0))
        high = accept(database, priority=5).id
        assert [job.id for job in claim_many(database, 4)] == [high, old, new, low]

    def test_tenants_take_turns_however_long_their_queues(self, database: Database) -> None:
        for _ in range(20):
            accept(database, tenant="busy")
        quiet = [accept(database, tenant="quiet").id for _ in range(2)]
        first_four = {job.id for job in claim_many(database, 4)}
        assert set(quiet) <= first_four

    def test_of_equal_tenants_none_is_always_first(self, database: Database) -> None:
        for tenant in ("a", "b"):
            for _ in range(12):
                accept(database, tenant=tenant)
        turns = []
        for _ in range(12):
            (job,) = claim_many(database, 1)
            turns.append(job.tenant)
            database.write_now(finish_job, job.id, job.epoch, {})
        assert set(turns) == {"a", "b"}  # by chance once in 2,048 runs

    def test_a_tenant_with_less_under_way_goes_first(self, database: Database) -> None:
        for _ in range(5):
            accept(database, tenant="a")
        assert len(claim_many(database, 3)) == 3
        later = accept(database, tenant="b").id
        assert [job.id for job in claim_many(database, 1)] == [later]


class TestDispatching:
    def test_each_due_job_is_sent_once_until_its_message_counts_as_lost(
        self, database: Database
    ) -> None:
        job = accept(database)
        assert [m.job_id for m in database.write_now(dispatch, outstanding=8)] == [job.id]
        assert database.write_now(dispatch, outstanding=8) == []
        set_row(database, job.id, dispatched_at=0.0)
        assert [m.job_id for m in database.write_now(dispatch, outstanding=8)] == [job.id]

    def test_no_more_messages_are_under_way_than_allowed(self, database: Database) -> None:
        for _ in range(10):
            accept(database)
        assert len(database.write_now(dispatch, outstanding=3)) == 3
        assert database.write_now(dispatch, outstanding=3) == []
        (taken, *_) = claim_many(database, 1)
        assert now_is(database, taken.id).state == "running"
        assert len(database.write_now(dispatch, outstanding=3)) == 1

    def test_a_message_tells_whether_the_job_is_quarantined(self, database: Database) -> None:
        job = accept(database)
        set_row(database, job.id, quarantined=True)
        (message,) = database.write_now(dispatch, outstanding=3)
        assert message.quarantined

    def test_a_kind_that_no_worker_knows_takes_no_room(self, database: Database) -> None:
        for _ in range(3):
            accept(database, kind="work.v2")
        known = accept(database)
        sent = database.write_now(dispatch, outstanding=2, kinds=KINDS)
        assert [message.job_id for message in sent] == [known.id]

    def test_a_job_that_is_not_due_is_not_sent(self, database: Database) -> None:
        accept(database, delay=60.0)
        assert database.write_now(dispatch, outstanding=3) == []
