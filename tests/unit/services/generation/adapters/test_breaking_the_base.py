"""An adapter under which the base's server goes away is tried again, and refused at the third."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from contracts.generation.adapters import Check
from kit.errors import Interrupted
from kit.jobs.tables import jobs
from tests.unit.services.generation.adapters.world import ANNA, World, open_world


class Breaking:
    """A prober whose server goes away so often."""

    def __init__(self, times: int) -> None:
        self.asked, self._times = 0, times

    async def probe(self, *_: object) -> Check:
        self.asked += 1
        if self.asked <= self._times:
            raise Interrupted("The model server broke off.", retry_after=0.01)
        return Check(name="parity", outcome="passed", detail="it has lived")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as world:
        yield world


async def tried(world: World, times: int) -> tuple[str, list[str], Check]:
    """What becomes of an adapter, with no wait between its tries."""
    prober = world.registry.admitting._prober = Breaking(times)
    made = await world.add_as("a.tar.gz", 1)
    async with asyncio.timeout(30):
        while (found := await world.adapters.get(ANNA, made.digest)).state == "checking":
            await world.database.write(_at_once, made.job)
            await asyncio.sleep(0.02)
    assert prober.asked == 3
    return found.state, found.reasons, found.checks[-1]


def _at_once(connection: Connection, job: str) -> None:
    connection.execute(
        update(jobs).where(jobs.c.id == job, jobs.c.state == "queued").values(run_at=0.0)
    )


async def test_it_is_refused_and_told_why(world: World) -> None:
    reason = "each time that the base model's server was tried with it, the server broke off"
    state, reasons, check = await tried(world, 9)
    assert (state, reasons) == ("refused", [f"parity: {reason}"])
    assert (check.name, check.outcome, check.detail) == ("parity", "failed", reason)


async def test_one_that_others_broke_their_servers_beside_is_ready(world: World) -> None:
    state, reasons, check = await tried(world, 2)
    assert (state, reasons, check.detail) == ("ready", [], "it has lived")
