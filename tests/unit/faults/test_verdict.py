"""The fault harness's judge finds what it is there to find."""

from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, insert

from kit.database import Database
from kit.jobs.accept import accept_job
from kit.jobs.finish import finish_job
from kit.jobs.lease import claim
from kit.jobs.tables import jobs
from tests.faults.verdict import judge
from tests.faults.work import effects


def add_effect(connection: Connection, job_id: str) -> None:
    connection.execute(insert(effects).values(job_id=job_id, name="finish", epoch=1))


def finished_job(database: Database, folder: Path) -> str:
    job = database.write_now(
        accept_job,
        tenant="t",
        kind="fault",
        input={"number": 0, "does": "quick"},
        idem_key="key0",
    )
    database.write_now(claim, job.id, kinds=["fault"], owner="h:1:b", lease=5.0)
    database.write_now(finish_job, job.id, 1, {}, [partial(add_effect, job_id=job.id)])
    (folder / "acknowledged.log").write_text(f"key0 {job.id}\n")
    return job.id


def violations(database: Database, folder: Path) -> list[Any]:
    found: list[Any] = judge(database, folder)["violations"]
    return found


def test_a_job_that_ended_with_one_effect_is_fine(database: Database, tmp_path: Path) -> None:
    finished_job(database, tmp_path)
    assert violations(database, tmp_path) == []


def test_an_effect_that_happened_twice_is_found(database: Database, tmp_path: Path) -> None:
    job_id = finished_job(database, tmp_path)
    database.write_now(add_effect, job_id)
    (found,) = violations(database, tmp_path)
    assert "happened 2 times" in found


def test_an_effect_that_is_missing_is_found(database: Database, tmp_path: Path) -> None:
    finished_job(database, tmp_path)
    database.write_now(lambda connection: connection.execute(delete(effects)))
    (found,) = violations(database, tmp_path)
    assert "happened 0 times" in found


def test_an_acknowledged_job_that_is_gone_is_found(database: Database, tmp_path: Path) -> None:
    finished_job(database, tmp_path)
    database.write_now(lambda connection: connection.execute(delete(jobs)))
    (found,) = violations(database, tmp_path)
    assert "was acknowledged" in found


def test_a_job_that_is_still_open_is_found(database: Database, tmp_path: Path) -> None:
    job_id = finished_job(database, tmp_path)
    reopen = jobs.update().where(jobs.c.id == job_id).values(state="running")
    database.write_now(lambda connection: connection.execute(reopen))
    assert any("ended as running" in found for found in violations(database, tmp_path))
