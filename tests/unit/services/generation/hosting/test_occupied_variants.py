"""No inference component is left on a variant that its endpoint does not have."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contracts.generation import hosting as h
from kit.errors import InvalidRequest
from tests.support.hosting import WHO, Stage, staged
from tests.unit.services.generation.hosting.deployed import (
    component,
    endpoint,
    move,
    target,
    two_models,
)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as made:
        await two_models(made)
        await endpoint(made)
        yield made


async def told(stage: Stage) -> h.Endpoint:
    return await stage.hosting.endpoints.get(WHO, "front")


@pytest.mark.parametrize("next", [h.Variant(name="green"), h.Variant(name="blue", model="mistral")])
async def test_a_variant_with_components_stays(stage: Stage, next: h.Variant) -> None:
    await component(stage)
    with pytest.raises(InvalidRequest, match=r"chat \(on blue\).*Delete them first"):
        await move(stage, next)
    after = await told(stage)
    assert (after.status, after.config) == ("InService", "front")
    assert (await target(stage, "chat")).model == "meta.llama"


async def test_without_its_components_a_variant_can_go(stage: Stage) -> None:
    await component(stage)
    await move(stage, h.Variant(name="blue", copies=2), h.Variant(name="green"))
    await stage.hosting.components.delete(WHO, "chat")
    await move(stage, h.Variant(name="green"), config="third")
    assert [one.name for one in (await told(stage)).variants] == ["green"]


async def test_a_component_comes_to_no_variant_that_may_go_again(stage: Stage) -> None:
    stage.fleet.is_ready = False
    await move(stage, h.Variant(name="green"), h.Variant(name="red", model="mistral"))
    assert (await told(stage)).status == "Updating"
    ask = h.CreateComponent(
        name="chat", endpoint="front", variant="green", deployed=h.Deployed(model="llama")
    )
    with pytest.raises(InvalidRequest, match="no variant green"):
        await stage.hosting.components.create(WHO, ask)
    stage.fleet.is_ready = True
    await stage.settle()
    assert (await stage.hosting.components.create(WHO, ask)).variant == "green"
