"""A job writes nothing into an adapter that was registered anew while its checks ran."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from contracts.generation import adapters as a
from contracts.generation.adapters import Check
from kit.errors import NotFound
from kit.jobs.lease import claim
from services.generation.repository.adapters import rows
from tests.unit.services.generation.adapters.making import adapter, archive
from tests.unit.services.generation.adapters.world import ANNA, World, open_world


class Slow:
    """A prober that is in the middle until it may go on."""

    def __init__(self, outcome: str) -> None:
        self.check = Check.model_validate({"name": "parity", "outcome": outcome})
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()

    async def probe(self, *_: object) -> Check:
        self.reached.set()
        await self.go_on.wait()
        return self.check


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path, runs_jobs=False) as world:
        yield world


async def asks_of(world: World, made: a.Adapter) -> Callable[[str], a.AdmitAdapter]:
    """What an attempt of its job asks, step by step."""
    attempt = await world.database.write(
        claim, made.job, kinds=[a.ADMISSION], owner="x", lease=600.0
    )
    assert attempt is not None
    told = {"digest": made.digest, "job": made.job, "epoch": attempt.epoch}
    return lambda step: a.AdmitAdapter.model_validate({**told, "step": step})


@pytest.mark.parametrize("outcome", ["passed", "failed"])
async def test_what_was_found_on_one_base_says_nothing_of_another(
    world: World, outcome: str
) -> None:
    slow = world.registry.admitting._prober = Slow(outcome)
    made = await world.add_as("a.tar.gz", 1)
    ask = await asks_of(world, made)
    await world.adapters.admit(ANNA, ask("weights"))
    probing = asyncio.create_task(world.adapters.admit(ANNA, ask("parity")))
    await slow.reached.wait()

    await world.adapters.delete(ANNA, made.digest)
    source = await world.put("a.tar.gz", archive(("es", adapter(seed=1))))
    again = await world.adapters.add(ANNA, a.AddAdapter(source=source, base="mistral"))
    slow.go_on.set()
    with pytest.raises(NotFound):
        await probing

    found = await world.adapters.get(ANNA, made.digest)
    assert (found.base, found.state, found.checks) == ("test.mistral", "checking", [])
    assert await world.database.read(rows.passed, made.digest, "test.mistral") == []
    with pytest.raises(NotFound):
        await world.adapters.admit(ANNA, ask("stopped"))
    assert (await world.adapters.admit(ANNA, (await asks_of(world, again))("weights"))).state == (
        "checking"
    )


async def test_what_was_settled_meanwhile_stays_as_it_is(world: World) -> None:
    slow = world.registry.admitting._prober = Slow("passed")
    made = await world.add_as("a.tar.gz", 1)
    ask = await asks_of(world, made)
    await world.adapters.admit(ANNA, ask("weights"))
    probing = asyncio.create_task(world.adapters.admit(ANNA, ask("parity")))
    await slow.reached.wait()
    await world.adapters.admit(ANNA, ask("stopped"))
    slow.go_on.set()
    assert (await probing).state == "refused"
    assert (await world.adapters.get(ANNA, made.digest)).state == "refused"
