"""What serves goes on until all that comes after it serves, and comes back where that fails."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contracts.generation import hosting as h
from kit.errors import Conflict
from services.generation.repository.hosting import rows
from tests.support.hosting import WHO, Stage, staged
from tests.unit.services.generation.hosting.deployed import (
    component,
    endpoint,
    model,
    move,
    target,
    two_models,
)

BLUE = h.Variant(name="blue", model="llama")
ADAPTER = {"base": "chat", "container": {"artifact": "s3://models/one.tar.gz"}}


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as made:
        yield made


async def told(stage: Stage) -> h.Endpoint:
    return await stage.hosting.endpoints.get(WHO, "front")


async def reached(stage: Stage) -> set[str]:
    """The models that 30 invocations reach; one that reaches none raises Conflict."""
    return {(await target(stage)).model for _ in range(30)}


async def component_endpoint(stage: Stage) -> None:
    """An endpoint `other` with the component `chat`, which runs `llama`."""
    await endpoint(stage, "other")
    deployed = h.Deployed(model="llama")
    ask = h.CreateComponent(name="chat", endpoint="other", variant="blue", deployed=deployed)
    await stage.hosting.components.create(WHO, ask)
    await stage.settle()


async def test_a_renamed_variant_takes_over_once_it_serves(stage: Stage) -> None:
    await two_models(stage)
    await endpoint(stage, model="llama")
    stage.fleet.is_ready = False
    await move(stage, h.Variant(name="green", model="mistral"))
    assert await reached(stage) == {"meta.llama"}
    meanwhile = await told(stage)
    assert (meanwhile.status, meanwhile.config) == ("Updating", "front")
    assert [one.name for one in meanwhile.variants] == ["blue"]
    stage.fleet.is_ready = True
    await stage.settle()
    assert await reached(stage) == {"mistral.mistral"}
    after = await told(stage)
    assert (after.status, after.config) == ("InService", "next")
    assert [one.name for one in after.variants] == ["green"]
    assert [name for name, _ in stage.fleet.wishes] == ["mistral.mistral"]


async def test_what_is_replaced_is_kept_for_those_who_do_not_know_yet(stage: Stage) -> None:
    await two_models(stage)
    await endpoint(stage, model="llama")
    await component_endpoint(stage)
    stage.again(seen=60)
    await move(stage, h.Variant(name="green", model="mistral"))
    await stage.hosting.components.update(
        WHO, h.UpdateComponent(name="chat", deployed=h.Deployed(model="mistral"))
    )
    await stage.settle()
    assert await reached(stage) == {"mistral.mistral"}
    assert (await told(stage)).status == "Updating"
    assert (await stage.hosting.components.get(WHO, "chat")).status == "Updating"
    assert (
        sorted(name for name, _ in stage.fleet.wishes)
        == ["meta.llama"] * 2 + ["mistral.mistral"] * 2
    )
    stage.again(seen=0)
    await stage.settle()
    assert (await told(stage)).status == "InService"
    assert (await stage.hosting.components.get(WHO, "chat")).status == "InService"
    assert [name for name, _ in stage.fleet.wishes] == ["mistral.mistral"] * 2


async def test_what_fails_right_after_the_switch_recovers_without_what_it_replaced(
    stage: Stage,
) -> None:
    await two_models(stage)
    await endpoint(stage, model="llama")
    stage.again(seen=60)
    await move(stage, h.Variant(name="green", model="mistral"))
    stage.fleet.failure = "out of memory"
    await stage.settle()
    assert (await told(stage)).status == "Failed"
    stage.fleet.failure = ""
    await stage.settle()
    assert (await told(stage)).status == "InService"
    await stage.settle()
    assert [name for name, _ in stage.fleet.wishes] == ["mistral.mistral"]


async def test_an_update_without_a_fallback_in_its_row_arrives(stage: Stage) -> None:
    await two_models(stage)
    await endpoint(stage, model="llama")
    stage.fleet.is_ready = False
    await move(stage, h.Variant(name="green", model="mistral"))
    row = await stage.database.read(rows.found, WHO.tenant, "endpoint", "front")
    assert row is not None
    assert await stage.database.write(rows.note, row, state={"serving": row.state["fallback"]})
    assert await reached(stage) == {"meta.llama"}
    stage.fleet.is_ready = True
    await stage.settle()
    assert (await told(stage)).status == "InService"
    assert await reached(stage) == {"mistral.mistral"}


async def test_an_added_variant_gets_no_share_before_it_serves(stage: Stage) -> None:
    await two_models(stage)
    await endpoint(stage, model="llama")
    stage.fleet.is_ready = False
    await move(stage, BLUE, h.Variant(name="green", model="mistral", weight=9))
    assert await reached(stage) == {"meta.llama"}
    stage.fleet.is_ready = True
    await stage.settle()
    assert await reached(stage) == {"meta.llama", "mistral.mistral"}


async def test_an_update_that_fails_leaves_all_as_it_was(stage: Stage) -> None:
    await two_models(stage)
    await endpoint(stage, model="llama")
    too_many = h.Variant(name="green", model="mistral", copies=99)
    await move(stage, h.Variant(name="blue", model="mistral", weight=5), too_many)
    after = await told(stage)
    assert (after.status, after.config) == ("InService", "front")
    assert "do not fit" in after.reason
    assert [(one.name, one.weight) for one in after.variants] == [("blue", 1.0)]
    assert await reached(stage) == {"meta.llama"}
    assert [name for name, _ in stage.fleet.wishes] == ["meta.llama"]
    capacities = [h.Capacity(variant="blue", copies=2)]
    await stage.hosting.endpoints.set_capacities(
        WHO, h.SetCapacities(name="front", capacities=capacities)
    )
    await stage.settle()
    assert [one.running for one in (await told(stage)).variants] == [2]
    assert await reached(stage) == {"meta.llama"}


async def test_an_endpoint_that_never_served_can_be_moved_to_what_does(stage: Stage) -> None:
    await two_models(stage)
    await endpoint(stage, model="llama", copies=99)
    assert (await told(stage)).status == "Failed"
    await move(stage, h.Variant(name="green", model="llama", copies=98))
    assert (await told(stage)).status == "Failed"
    await move(stage, h.Variant(name="red", model="mistral"), config="third")
    assert (await told(stage)).status == "InService"
    assert await reached(stage) == {"mistral.mistral"}
    await stage.hosting.endpoints.delete(WHO, "front")
    await stage.settle()
    assert stage.fleet.wishes == {}


async def test_a_restart_in_an_update_demands_what_serves_too(stage: Stage) -> None:
    await two_models(stage)
    await endpoint(stage, model="llama")
    stage.fleet.is_ready = False
    await move(stage, h.Variant(name="green", model="mistral"))
    stage.again()
    await stage.settle()
    assert {name for name, _ in stage.fleet.wishes} == {"meta.llama", "mistral.mistral"}


async def test_a_component_whose_update_fails_wants_again_what_serves(stage: Stage) -> None:
    await two_models(stage)
    await endpoint(stage)
    await component(stage)
    other = h.Deployed(model="mistral")
    await stage.hosting.components.update(
        WHO, h.UpdateComponent(name="chat", deployed=other, copies=99)
    )
    await stage.settle()
    kept = await stage.hosting.components.get(WHO, "chat")
    assert (kept.status, kept.deployed.model, kept.copies) == ("InService", "llama", 1)
    assert "do not fit" in kept.reason
    await stage.hosting.components.update(WHO, h.UpdateComponent(name="chat", copies=2))
    await stage.settle()
    assert (await target(stage, "chat")).model == "meta.llama"
    assert [(name, copies) for (name, _), (copies, _) in stage.fleet.wishes.items()] == [
        ("meta.llama", 2)
    ]


async def test_a_base_with_adapters_keeps_its_model(stage: Stage) -> None:
    await two_models(stage)
    await endpoint(stage)
    await component(stage)
    await component(stage, "support", **ADAPTER)
    components = stage.hosting.components
    other = h.UpdateComponent(name="chat", deployed=h.Deployed(model="mistral"))
    with pytest.raises(Conflict, match="support"):
        await components.update(WHO, other)
    same = h.Deployed(model="llama", memory_mib=64)
    await components.update(WHO, h.UpdateComponent(name="chat", deployed=same, copies=2))
    await stage.settle()
    grown = await components.get(WHO, "chat")
    assert (grown.status, grown.running) == ("InService", 2)


@pytest.mark.parametrize(("fails", "model"), [(False, "mistral.mistral"), (True, "meta.llama")])
async def test_an_adapter_waits_for_what_its_updated_base_comes_to_serve(
    stage: Stage, fails: bool, model: str
) -> None:
    await two_models(stage)
    await endpoint(stage)
    await component(stage)
    stage.again(seen=60)
    stage.fleet.is_ready = False
    components = stage.hosting.components
    other = h.UpdateComponent(name="chat", deployed=h.Deployed(model="mistral"))
    await components.update(WHO, other)
    await stage.settle()
    made = await component(stage, "support", **ADAPTER)
    assert made.status == "Creating"
    stage.fleet.is_ready = True
    stage.fleet.failure = "out of memory" if fails else ""
    await stage.settle()
    stage.fleet.failure = ""
    if not fails:
        assert (await components.get(WHO, "support")).status == "Creating"
        stage.again(seen=0)
    await stage.settle()
    base, made = [await stage.hosting.components.get(WHO, name) for name in ("chat", "support")]
    assert (base.status, made.status) == ("InService", "InService")
    assert {(await target(stage, name)).model for name in ("chat", "support")} == {model}
    assert [name for name, _ in stage.fleet.wishes] == [model]


async def test_a_base_that_an_adapter_may_come_back_to_keeps_its_model(stage: Stage) -> None:
    await two_models(stage)
    await endpoint(stage)
    await component(stage)
    await component(stage, "other", model="mistral")
    await component(stage, "support", **ADAPTER)
    stage.shelf.checking = True
    components = stage.hosting.components
    moved = h.Deployed.model_validate({**ADAPTER, "base": "other"})
    await components.update(WHO, h.UpdateComponent(name="support", deployed=moved))
    await stage.settle()
    for name in ("chat", "other"):
        with pytest.raises(Conflict, match="support"):
            await components.delete(WHO, name)
    stage.shelf.checking = False
    await stage.settle()
    assert (await target(stage, "support")).model == "mistral.mistral"
    await components.delete(WHO, "chat")


async def test_tags_leave_work_under_way_alone(stage: Stage) -> None:
    await model(stage)
    stage.fleet.is_ready = False
    await endpoint(stage, model="llama")
    ask = h.Tagged(kind="endpoint", name="front", put={"team": "search"})
    assert (await stage.hosting.models.tags(WHO, ask)).tags == {"team": "search"}
    stage.fleet.is_ready = True
    await stage.settle()
    assert (await told(stage)).status == "InService"
    kept = await stage.hosting.models.tags(WHO, h.Tagged(kind="endpoint", name="front"))
    assert kept.tags == {"team": "search"}
