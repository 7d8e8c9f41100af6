"""Weights that some tenant's checks have admitted on the same base are not checked again."""

import pytest

from contracts.generation.adapters import Check
from kit.catalogue import ModelEntry
from services.generation.ports import AdapterRef
from tests.unit.services.generation.adapters.making import adapter, archive
from tests.unit.services.generation.adapters.world import ANNA, BERT, World


class Prober:
    """Says what it is told to, and counts."""

    def __init__(self, outcome: str) -> None:
        self.check = Check.model_validate({"name": "parity", "outcome": outcome})
        self.probes = 0

    async def probe(self, tenant: str, model: ModelEntry, adapter: AdapterRef) -> Check:
        self.probes += 1
        return self.check


@pytest.mark.parametrize(("outcome", "probes"), [("passed", 1), ("skipped", 2)])
async def test_what_passed_every_check_once_is_not_checked_again(
    world: World, outcome: str, probes: int
) -> None:
    prober = world.registry.admitting._prober = Prober(outcome)
    data = archive(("es", adapter()))
    hers, his = await world.add(data), await world.add(data, "his", BERT)
    assert prober.probes == probes
    assert (his.state, his.checks) == ("ready", hers.checks)
    assert [one.name for one in his.names] == ["his"]
    assert await world.audited(BERT) == ["RegisterAdapter", "AdmitAdapter"]


async def test_another_base_checks_them_anew(world: World) -> None:
    prober = world.registry.admitting._prober = Prober("passed")
    data = archive(("es", adapter()))
    await world.add(data, who=ANNA)
    await world.add(data, who=BERT, base="mistral")
    assert prober.probes == 2
