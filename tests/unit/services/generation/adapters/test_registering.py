"""An adapter from its archive to the name that leads to it."""

import asyncio

import pytest

from contracts.generation import adapters as a
from services.generation.engines.adapters import examiner
from tests.unit.services.generation.adapters.making import adapter, archive
from tests.unit.services.generation.adapters.world import ANNA, World


async def test_an_archive_becomes_an_adapter_that_its_checks_let_pass(world: World) -> None:
    made = await world.add(archive(("es", adapter())), "support")

    assert (made.state, made.base, made.rank, made.reasons) == ("ready", "test.llama", 2, [])
    outcomes = {check.name: check.outcome for check in made.checks}
    assert outcomes == {
        "rank": "passed",
        "shapes": "passed",
        "values": "passed",
        "parity": "skipped",
    }
    assert made.names == [a.NameOf(name="support")]
    assert (world.folder / "generation" / "adapters" / made.digest).is_dir()
    assert await world.audited(ANNA) == ["RegisterAdapter", "AdmitAdapter"]


async def test_the_archives_of_one_tenant_take_turns_and_leave_room_for_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examiner, "_MOST_WAITING", 1)
    added = await asyncio.gather(*(world.add_as(f"{seed}.tar.gz", seed) for seed in range(5)))
    assert len({one.digest for one in added}) == 5
