"""The processes that get killed: `python -m tests.faults.child`, told by `FAULTS_*` what to be."""

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from random import Random

import kit.jobs.tables  # noqa: F401 - declares the tables
from kit.database import Database
from kit.errors import Conflict, Unavailable
from kit.jobs import failpoints
from kit.jobs.job import Job
from kit.jobs.runner import JobRunner
from kit.jobs.store import Jobs
from kit.jobs.waker import LocalWaker
from tests.faults.settings import FaultSettings
from tests.faults.verdict import count_open
from tests.faults.work import choose, handlers

logger = logging.getLogger(__name__)

BACKLOG = 100
"""Open jobs at which the accepter waits, so that the end comes soon after the last fault."""

FAILPOINTS = [
    "accept.before_commit",
    "accept.after_commit",
    "claim.before_commit",
    "step.before_commit",
    "attempt.before_finish",
    "finish.before_commit",
    "attempt.after_finish",
    "dispatch.before_publish",
]


def arm_failpoints(settings: FaultSettings) -> None:
    random = settings.random()
    for name in FAILPOINTS:
        failpoints.arm(name, _maybe_die(settings, name, random))


def _maybe_die(settings: FaultSettings, name: str, random: Random) -> Callable[[], None]:
    def act() -> None:
        if random.random() < settings.die_chance:
            with (settings.folder / "deaths.log").open("a") as log:
                log.write(f"{name}\n")
            os.kill(os.getpid(), signal.SIGKILL)

    return act


async def accept_jobs(settings: FaultSettings) -> None:
    """Accepts job after job until told to stop, as a careful client: one key for each, retried."""
    stop = stop_event()
    random = settings.random()
    database = Database(settings.database_url, readers=1, writers=1)
    jobs = Jobs(database, LocalWaker())
    acknowledged = settings.folder / "acknowledged.log"
    number = len(acknowledged.read_text().splitlines()) if acknowledged.exists() else 0
    cancels: set[asyncio.Task[None]] = set()
    while not stop.is_set():
        does = choose(Random(f"{settings.seed}/{number}"))
        does = "poison" if number in (40, 400) else does
        request = {"number": number, "does": does}
        try:
            if number % 10 == 0 and await database.read(count_open) > BACKLOG:
                await asyncio.sleep(0.2)
                continue
            job = await jobs.accept(f"tenant{number % 3}", "fault", request, f"key{number}")
        except Unavailable:
            await asyncio.sleep(0.1)
            continue
        if does == "unwanted":
            cancels.add(asyncio.create_task(_cancel(jobs, job, random.random() * 0.5)))
        with acknowledged.open("a") as log:
            log.write(f"key{number} {job.id}\n")
        number += 1
        await asyncio.sleep(random.expovariate(100))


async def _cancel(jobs: Jobs, job: Job, after: float) -> None:
    await asyncio.sleep(after)
    with suppress(Unavailable, Conflict):  # away, or ended before the cancel came
        await jobs.cancel(job.tenant, job.id)


async def run_jobs(settings: FaultSettings) -> None:
    """An embedded runner, but one of several on its database."""
    stop = stop_event()
    database = Database(settings.database_url)
    runner = JobRunner(
        database, handlers(settings.lease), LocalWaker(), lease=settings.lease, poll=0.2
    )
    await runner.start()
    await stop.wait()
    await runner.stop()


def stop_event() -> asyncio.Event:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    return stop


def start() -> FaultSettings:
    settings = FaultSettings()
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s {settings.role} %(message)s")
    logger.info("started %d as %d", settings.generation, os.getpid())
    return settings


def main() -> None:
    settings = start()
    arm_failpoints(settings)
    asyncio.run((accept_jobs if settings.role.startswith("accepter") else run_jobs)(settings))


if __name__ == "__main__":
    main()
