"""Jobs on SQLite and PostgreSQL: how fast one is durably accepted, how many are done a second."""

import asyncio
import json
import shutil
import statistics
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from benchmarks.support import machine
from benchmarks.support.goals import Goal
from kit.database import Database
from kit.jobs.accept import accept_job
from kit.jobs.finish import finish_job
from kit.jobs.lease import claim_due
from kit.jobs.ports import JobContext, JsonObject
from kit.jobs.runner import JobRunner
from kit.jobs.store import Jobs
from kit.jobs.waker import LocalWaker
from tests.support.servers import PostgresServer, find_postgres

ACCEPTS = 1000
JOBS = 1000
TENANTS = 10
BACKLOG = 10_000
GOAL = Goal("Durable accept of a job: p50", "at most", 5, "ms")


async def measure(database: Database) -> dict[str, float]:
    """Milliseconds and jobs a second; every accept and every finish is a durable COMMIT."""
    waker = LocalWaker()
    jobs = Jobs(database, waker)
    accepts = [await _accept(jobs, number) for number in range(ACCEPTS)]
    steps = await _claim_and_finish(database)
    ran = await _run_all(database, jobs, waker)
    boot = await _boot(database, waker)
    return {
        "accept_p50_ms": statistics.median(accepts),
        "accept_p99_ms": statistics.quantiles(accepts, n=100)[98],
        "claim_and_finish_per_s": steps,
        "runner_jobs_per_s": ran,
        f"boot_with_{BACKLOG}_queued_s": boot,
    }


async def _accept(jobs: Jobs, number: int) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    await jobs.accept(f"tenant{number % TENANTS}", "work", {"number": number})
    return (time.perf_counter() - began) * 1000


async def _claim_and_finish(database: Database) -> float:
    """One claimer, one job at a time: two transactions for each."""
    began, done = time.perf_counter(), 0
    claim = partial(claim_due, limit=1, kinds=["work"], owner="bench", lease=60.0)
    while claimed := await database.write(claim):
        await database.write(finish_job, claimed[0].id, claimed[0].epoch, {})
        done += 1
    assert done == ACCEPTS
    return done / (time.perf_counter() - began)


async def _run_all(database: Database, jobs: Jobs, waker: LocalWaker) -> float:
    """The whole path through a runner with four places, with a backlog to choose from."""
    left, all_done = JOBS, asyncio.Event()

    async def work(job: JobContext) -> JsonObject:
        nonlocal left
        left -= 1
        if left == 0:
            all_done.set()
        return {}

    for number in range(JOBS):
        await _accept(jobs, number)
    runner = JobRunner(database, {"work": work}, waker, concurrency=4)
    began = time.perf_counter()
    await runner.start()
    await all_done.wait()
    took = time.perf_counter() - began
    await runner.stop(grace=5)
    return JOBS / took


def _accept_backlog(connection: Connection) -> None:
    for number in range(BACKLOG):
        tenant = f"tenant{number % TENANTS}"
        accept_job(connection, tenant=tenant, kind="work", input={"number": number})


async def _boot(database: Database, waker: LocalWaker) -> float:
    """From the start of a process to its first job, with a backlog and what a dead one ran."""
    await database.write(_accept_backlog)
    claim = partial(claim_due, limit=4, kinds=["work"], owner="dead", lease=60.0)
    await database.write(claim)
    first = asyncio.Event()

    async def work(job: JobContext) -> JsonObject:
        first.set()
        return {}

    with tempfile.TemporaryDirectory() as folder:
        lock = Path(folder) / "jobs.lock"
        runner = JobRunner(database, {"work": work}, waker, instance_lock=lock)
        began = time.perf_counter()
        await runner.start()
        await first.wait()
        took = time.perf_counter() - began
        await runner.stop()
    return took


def run() -> dict[str, Any]:
    """`{"sqlite": figures, "postgres": figures}`, PostgreSQL with fsync, where it is installed."""
    figures: dict[str, Any] = {}
    with ExitStack() as stack:
        # Not the system's temporary folder, which may live in memory.
        folder = Path(tempfile.mkdtemp(prefix="bench-jobs-", dir=Path.cwd()))
        stack.callback(shutil.rmtree, folder)
        urls = {"sqlite": f"sqlite:///{folder}/jobs.db"}
        if find_postgres() is not None:
            urls["postgres"] = stack.enter_context(PostgresServer(durable=True)).url
        for name, url in urls.items():
            database = Database(url)
            database.create_tables()
            figures[name] = asyncio.run(measure(database))
            database.close()
    reason = "; ".join(
        f"{name}: p99 {row['accept_p99_ms']:.1f} ms, a runner did {row['runner_jobs_per_s']:.0f}/s"
        for name, row in figures.items()
    )
    if "postgres" not in figures:
        reason += "; PostgreSQL not measured: `sh tests/support/install_servers.sh` installs it"
    reason += f"; the disk's own fsync is in it; load average {machine.load()}"
    figures["verdicts"] = [GOAL.judge(figures["sqlite"]["accept_p50_ms"], reason)]
    return figures


def main() -> None:
    figures = run()
    for name in ("sqlite", "postgres"):
        for what, value in figures.get(name, {}).items():
            print(f"{name:10} {what:28} {value:10.2f}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
