"""What the suites do to jobs besides what they test."""

from typing import Any

from sqlalchemy import Connection, func, select, update

from kit.database import Database, db_now
from kit.jobs.accept import accept_job
from kit.jobs.job import ClaimedJob, Job
from kit.jobs.lease import claim
from kit.jobs.query import get_job
from kit.jobs.tables import job_events, jobs

KINDS = ["work"]


def accept(database: Database, tenant: str = "acme", **request: Any) -> Job:
    asked = {"kind": "work", "input": {}} | request
    return database.write_now(accept_job, tenant=tenant, **asked)


def try_claim(database: Database, job: Job, owner: str = "host:1:a") -> ClaimedJob | None:
    return database.write_now(claim, job.id, kinds=KINDS, owner=owner, lease=10.0)


def claimed(database: Database, job: Job) -> ClaimedJob:
    claim = try_claim(database, job)
    assert claim is not None
    return claim


def running(database: Database, **request: Any) -> ClaimedJob:
    return claimed(database, accept(database, **request))


def now_is(database: Database, job_id: str) -> Job:
    return database.read_now(lambda connection: get_job(connection, "acme", job_id))


def let_lease_end(database: Database, job_id: str) -> None:
    set_row(database, job_id, lease_until=0.0)


def make_due(database: Database, job_id: str) -> None:
    set_row(database, job_id, run_at=0.0)


def set_row(database: Database, job_id: str, **values: Any) -> None:
    def write(connection: Connection) -> None:
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(**values))

    database.write_now(write)


def seconds_until_run(database: Database, job_id: str) -> float:
    wait = select(jobs.c.run_at - db_now()).where(jobs.c.id == job_id)
    return float(database.read_now(lambda connection: connection.execute(wait).scalar_one()))


def events_of(database: Database, job_id: str) -> list[str]:
    names = select(job_events.c.event).where(job_events.c.job_id == job_id)
    ordered = names.order_by(job_events.c.seq)
    return list(database.read_now(lambda connection: connection.execute(ordered).scalars().all()))


def count_jobs(database: Database) -> int:
    rows = select(func.count()).select_from(jobs)
    return int(database.read_now(lambda connection: connection.execute(rows).scalar_one()))
