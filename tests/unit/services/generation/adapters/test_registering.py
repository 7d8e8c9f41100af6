"""An adapter from its archive to the name that leads to it."""

from contracts.generation import adapters as a
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
