"""The jobs that the harness accepts, and the ledger in which their effects are counted."""

import asyncio
import os
import signal
from functools import partial
from random import Random

from sqlalchemy import Column, Connection, Integer, String, Table, insert

from kit.database import METADATA
from kit.errors import InvalidRequest, Unavailable
from kit.jobs.ports import Handlers, JobContext, JsonObject

effects = Table(
    "fault_effects",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("job_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("epoch", Integer, nullable=False),
)
"""No unique key: an effect that happened twice must show."""

BEHAVIOURS = {
    "quick": 60,
    "steps": 15,
    "slow": 10,
    "flaky": 8,
    "wrong": 3,
    "unwanted": 4,
}
"""What a job does, and how often it is chosen; a poison job is put in by hand."""


def choose(random: Random) -> str:
    return random.choices(list(BEHAVIOURS), list(BEHAVIOURS.values()))[0]


def handlers(lease: float) -> Handlers:
    return {"fault": partial(_handle, lease)}


async def _handle(lease: float, job: JobContext) -> JsonObject:
    await _BEHAVE[job.input["does"]](job, lease)
    job.at_finish(partial(_record, job_id=job.id, name="finish", epoch=job.epoch))
    return {"epoch": job.epoch}


def _record(connection: Connection, job_id: str, name: str, epoch: int) -> JsonObject:
    connection.execute(insert(effects).values(job_id=job_id, name=name, epoch=epoch))
    return {"epoch": epoch}


async def _quick(job: JobContext, lease: float) -> None:
    await asyncio.sleep(0.01)


async def _steps(job: JobContext, lease: float) -> None:
    for step in range(job.checkpoint.get("step", 0), 3):
        record = partial(_record, job_id=job.id, name=f"step {step}", epoch=job.epoch)
        await job.once(f"step {step}", record)
        await asyncio.sleep(0.05)
        await job.save({"step": step + 1})


async def _slow(job: JobContext, lease: float) -> None:
    for tick in range(10):
        await asyncio.sleep(lease * 0.13)
        await job.progress(tick, 10)


async def _flaky(job: JobContext, lease: float) -> None:
    if job.epoch <= 2:
        raise Unavailable("Not yet.")


async def _wrong(job: JobContext, lease: float) -> None:
    raise InvalidRequest("This can never work.")


async def _unwanted(job: JobContext, lease: float) -> None:
    for tick in range(20):
        await asyncio.sleep(0.1)
        await job.progress(tick, 20)


async def _poison(job: JobContext, lease: float) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


_BEHAVE = {
    "quick": _quick,
    "steps": _steps,
    "slow": _slow,
    "flaky": _flaky,
    "wrong": _wrong,
    "unwanted": _unwanted,
    "poison": _poison,
}
