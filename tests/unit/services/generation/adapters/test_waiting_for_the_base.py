"""An adapter that comes while its base is starting is checked once the base has started."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from contracts.generation import adapters as a
from contracts.generation.adapters import Check
from kit.errors import NotReady
from kit.jobs.tables import jobs
from tests.unit.services.generation.adapters.making import adapter, archive
from tests.unit.services.generation.adapters.world import ANNA, World, open_world


class Starting:
    """A prober whose base has started once it was asked so often."""

    def __init__(self, *, after: int) -> None:
        self.asked, self._after = 0, after

    async def probe(self, *_: object) -> Check:
        self.asked += 1
        if self.asked <= self._after:
            raise NotReady("The base model is starting.", retry_after=0.05)
        return Check(name="parity", outcome="passed", detail="it has started")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Its jobs run once a test starts the runner."""
    async with open_world(tmp_path, runs_jobs=False, admit_unchecked_adapters=False) as world:
        yield world
        await world.runner.stop(grace=5.0)


async def added(world: World, prober: Starting) -> a.Adapter:
    world.registry.admitting._prober = prober
    source = await world.put("a.tar.gz", archive(("es", adapter())))
    return await world.adapters.add(ANNA, a.AddAdapter(source=source, base="llama", name="es"))


async def test_its_checks_go_on_then(world: World) -> None:
    made = await added(world, Starting(after=1))
    await world.runner.start()
    found = await asyncio.wait_for(world.settled(made), 20)
    assert found.state == "ready"
    assert found.checks[-1].detail == "it has started"


async def test_a_base_that_takes_long_to_start_fails_no_adapter(world: World) -> None:
    prober = Starting(after=1)
    made = await added(world, prober)
    await world.database.write(_at_its_last_attempt, made.job)
    await world.runner.start()
    async with asyncio.timeout(20):
        while not prober.asked or (await world.jobs.get(ANNA.tenant, made.job)).state == "running":
            await asyncio.sleep(0.02)
    assert (await world.jobs.get(ANNA.tenant, made.job)).state == "queued"
    assert (await world.adapters.get(ANNA, made.digest)).state == "checking"


def _at_its_last_attempt(connection: Connection, job: str) -> None:
    connection.execute(
        update(jobs).where(jobs.c.id == job).values(attempts=jobs.c.max_attempts - 1)
    )
