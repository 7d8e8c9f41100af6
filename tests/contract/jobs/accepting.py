"""Accepting jobs, and reading them back."""

import threading

import pytest

from kit.database import Database
from kit.errors import Conflict, InvalidRequest, NotFound
from kit.jobs.accept import accept_job
from kit.jobs.query import get_job, list_jobs
from tests.contract.jobs.steps import accept, count_jobs, events_of, running


class TestAccepting:
    def test_an_accepted_job_is_queued_and_readable(self, database: Database) -> None:
        job = accept(database, input={"file": "a.pdf", "pages": [1, 2]})
        stored = database.read_now(get_job, "acme", job.id)
        assert stored == job
        assert (job.state, job.input) == ("queued", {"file": "a.pdf", "pages": [1, 2]})
        assert events_of(database, job.id) == ["accepted"]

    def test_the_same_key_and_request_give_the_same_job(self, database: Database) -> None:
        first = accept(database, idem_key="k1", input={"a": 1, "b": 2})
        again = accept(database, idem_key="k1", input={"b": 2, "a": 1})
        assert again.id == first.id
        assert count_jobs(database) == 1
        assert events_of(database, first.id) == ["accepted"]

    def test_a_used_key_with_another_request_is_a_conflict(self, database: Database) -> None:
        accept(database, idem_key="k1", input={"a": 1})
        with pytest.raises(Conflict) as caught:
            accept(database, idem_key="k1", input={"a": 2})
        assert caught.value.param == "idempotency_key"
        assert count_jobs(database) == 1

    def test_a_key_belongs_to_its_tenant(self, database: Database) -> None:
        mine = accept(database, idem_key="k1")
        theirs = accept(database, tenant="other", idem_key="k1")
        assert mine.id != theirs.id

    def test_a_key_still_answers_after_the_job_has_started(self, database: Database) -> None:
        job = running(database, idem_key="k1")
        assert accept(database, idem_key="k1").id == job.id

    def test_racing_requests_with_one_key_make_one_job(self, database: Database) -> None:
        ids: list[str] = []
        threads = [
            threading.Thread(target=lambda: ids.append(accept(database, idem_key="race").id))
            for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(ids) == 6
        assert len(set(ids)) == 1

    def test_a_rolled_back_accept_leaves_nothing(self, database: Database) -> None:
        def broken(connection: object) -> None:
            accept_job(connection, tenant="acme", kind="work", input={})  # type: ignore[arg-type]
            raise InvalidRequest("something else in the transaction failed")

        with pytest.raises(InvalidRequest):
            database.write_now(broken)
        assert count_jobs(database) == 0

    @pytest.mark.parametrize("bad", [{"x": float("nan")}, {"x": object()}, {"x": "y" * 300_000}])
    def test_input_that_is_no_json_or_too_large_is_refused(
        self, database: Database, bad: dict[str, object]
    ) -> None:
        with pytest.raises(InvalidRequest) as caught:
            accept(database, input=bad)
        assert caught.value.param == "input"


class TestReading:
    def test_another_tenants_job_is_absent(self, database: Database) -> None:
        job = accept(database)
        with pytest.raises(NotFound) as foreign:
            database.read_now(get_job, "other", job.id)
        with pytest.raises(NotFound) as absent:
            database.read_now(get_job, "other", "no-such-job")
        assert foreign.value.message.replace(job.id, "?") == absent.value.message.replace(
            "no-such-job", "?"
        )

    def test_a_list_is_paged_from_the_newest_and_stays_in_the_tenant(
        self, database: Database
    ) -> None:
        made = [accept(database).id for _ in range(5)]
        accept(database, tenant="other")
        first = database.read_now(list_jobs, "acme", limit=3)
        second = database.read_now(list_jobs, "acme", limit=3, after=first.next_cursor)
        assert [job.id for job in first.jobs + second.jobs] == made[::-1]
        assert second.next_cursor is None

    def test_a_list_is_filtered_by_kind_and_state(self, database: Database) -> None:
        wanted = running(database)
        accept(database)
        accept(database, kind="other")
        page = database.read_now(list_jobs, "acme", kind="work", state="running")
        assert [job.id for job in page.jobs] == [wanted.id]
