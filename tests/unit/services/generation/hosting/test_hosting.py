"""What is deployed follows its rows: from a model's name to copies and adapters, and away again."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contracts.generation import hosting as h
from contracts.generation.invocations import FindTarget
from kit.catalogue import Catalogue
from kit.errors import Conflict, InvalidRequest, NotFound
from services.generation.ports import Artifact
from tests.support.hosting import MISTRAL, OTHER, WHO, Stage, small_catalogue, staged
from tests.support.queries import Queries
from tests.unit.services.generation.hosting.deployed import component, endpoint, model, target


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as made:
        yield made


async def test_a_component_serves_its_base_and_the_adapters_of_its_archive(stage: Stage) -> None:
    await model(stage)
    await endpoint(stage)
    made = await component(stage)
    assert (made.status, made.running) == ("InService", 1)
    found = await target(stage, "chat")
    assert (found.model, found.component, found.form) == ("meta.llama", "chat", "lmi")
    assert stage.shelf.names == {"chat": {"es", "fr"}}


async def test_two_base_models_share_an_endpoint(stage: Stage) -> None:
    await model(stage)
    await model(stage, "mistral", environment={"OPTION_MODEL_ID": MISTRAL}, artifact="")
    await endpoint(stage)
    await component(stage)
    await component(stage, "other", model="mistral")
    assert (await target(stage, "chat")).model == "meta.llama"
    assert (await target(stage, "other")).model == "mistral.mistral"
    with pytest.raises(InvalidRequest, match="Inference Component Name header is required"):
        await target(stage)


async def test_a_model_on_the_variant_needs_no_component(stage: Stage) -> None:
    stage.artifacts.held["s3://models/code.tar.gz"] = Artifact(f"option.model_id={MISTRAL}\n")
    await model(stage, environment={}, artifact="s3://models/code.tar.gz")
    await endpoint(stage, model="llama")
    assert (await stage.hosting.endpoints.get(WHO, "front")).status == "InService"
    assert (await target(stage)).model == "mistral.mistral"


async def test_what_is_missing_is_the_reason_of_a_failure(stage: Stage) -> None:
    await endpoint(stage)
    await model(stage, "unknown", environment={"OPTION_MODEL_ID": "acme/absent"}, artifact="")
    await model(stage, "weightless", environment={"HF_MODEL_ID": "tiiuae/falcon-11B"}, artifact="")
    await model(stage, "nameless", environment={}, artifact="")
    await model(stage, "lost", artifact="s3://models/absent.tar.gz")
    reasons = {
        "unknown": "acme/absent",
        "weightless": "weights are not here",
        "nameless": "OPTION_MODEL_ID",
        "lost": "Could not find model data",
    }
    for name, reason in reasons.items():
        made = await component(stage, name, model=name)
        assert made.status == "Failed"
        assert reason in made.reason


async def test_too_many_copies_fail_with_the_fleets_reason(stage: Stage) -> None:
    await model(stage)
    await endpoint(stage)
    made = await component(stage, copies=9)
    assert made.status == "Failed"
    assert "do not fit" in made.reason


async def test_more_than_the_machine_has_is_told(stage: Stage) -> None:
    await model(stage)
    await endpoint(stage)
    for name, needs in (("gpus", {"accelerators": 3}), ("memory", {"memory_mib": 20_000})):
        made = await component(stage, name, model="llama", **needs)
        assert made.status == "Failed"
        assert "this machine has" in made.reason


async def test_what_this_machine_has_bounds_no_model_that_runs_on_others(stage: Stage) -> None:
    await model(stage, "mistral", environment={"OPTION_MODEL_ID": MISTRAL}, artifact="")
    await endpoint(stage)
    made = await component(stage, model="mistral", memory_mib=20_000)
    assert (made.status, made.reason) == ("InService", "")


async def test_a_refused_adapter_fails_its_component(stage: Stage) -> None:
    stage.shelf.refusal = "es: rank 512 is more than 64"
    await model(stage)
    await endpoint(stage)
    made = await component(stage)
    assert made.status == "Failed"
    assert "rank 512" in made.reason
    assert stage.fleet.wishes == {}


async def test_a_component_is_creating_until_copies_and_adapters_are_ready(stage: Stage) -> None:
    stage.fleet.is_ready, stage.shelf.checking = False, True
    await model(stage)
    await endpoint(stage)
    assert (await component(stage)).status == "Creating"
    with pytest.raises(Conflict, match="Creating"):
        await target(stage, "chat")
    stage.fleet.is_ready = True
    await stage.settle()
    assert (await stage.hosting.components.get(WHO, "chat")).status == "Creating"
    stage.shelf.checking = False
    await stage.settle()
    assert (await stage.hosting.components.get(WHO, "chat")).status == "InService"


async def test_copies_change_at_run_time_and_fall_back_when_they_do_not_fit(stage: Stage) -> None:
    await model(stage)
    await endpoint(stage)
    await component(stage)
    await stage.hosting.components.update(WHO, h.UpdateComponent(name="chat", copies=3))
    await stage.settle()
    grown = await stage.hosting.components.get(WHO, "chat")
    assert (grown.status, grown.copies, grown.running) == ("InService", 3, 3)
    await stage.hosting.components.update(WHO, h.UpdateComponent(name="chat", copies=99))
    await stage.settle()
    kept = await stage.hosting.components.get(WHO, "chat")
    assert (kept.status, kept.copies) == ("InService", 3)
    assert "do not fit" in kept.reason
    assert list(stage.fleet.wishes.values()) == [(3, None)]


async def test_scaling_reaches_the_fleet(stage: Stage) -> None:
    await model(stage)
    await endpoint(stage, scaling={"least": 1, "most": 4})
    await component(stage)
    assert list(stage.fleet.wishes.values()) == [(1, 4)]


async def test_an_adapter_component_uses_its_bases_copies(stage: Stage) -> None:
    await model(stage)
    await endpoint(stage)
    await component(stage)
    own = {"base": "chat", "container": {"artifact": "s3://models/one.tar.gz"}}
    assert (await component(stage, "support", **own)).status == "InService"
    found = await target(stage, "support")
    assert (found.model, found.component, found.adapter) == ("meta.llama", "support", "support")
    with pytest.raises(Conflict, match="support"):
        await stage.hosting.components.delete(WHO, "chat")


async def test_deleting_lets_go_of_everything(stage: Stage) -> None:
    await model(stage)
    await endpoint(stage)
    await component(stage)
    with pytest.raises(Conflict, match="chat"):
        await stage.hosting.endpoints.delete(WHO, "front")
    await stage.hosting.components.delete(WHO, "chat")
    await stage.hosting.endpoints.delete(WHO, "front")
    assert (await stage.hosting.endpoints.get(WHO, "front")).status == "Deleting"
    await stage.settle()
    for gone in (stage.hosting.endpoints.get(WHO, "front"), target(stage, "chat")):
        with pytest.raises(NotFound):
            await gone
    assert stage.fleet.wishes == {}
    assert stage.shelf.names == {}


async def test_a_restart_demands_again_what_its_rows_say(stage: Stage) -> None:
    await model(stage)
    await endpoint(stage)
    await component(stage, copies=2)
    hosting = stage.again()
    await hosting.reconciler.tick()
    assert list(stage.fleet.wishes.values()) == [(2, None)]
    assert (await target(stage, "chat")).model == "meta.llama"


async def test_a_base_that_is_here_no_more_fails_its_own_component_only(stage: Stage) -> None:
    await model(stage)
    await model(stage, "mistral", environment={"OPTION_MODEL_ID": MISTRAL}, artifact="")
    await endpoint(stage)
    await component(stage, "gone", model="mistral")
    await component(stage)
    left = Catalogue(entry for entry in small_catalogue().entries if entry.id != "mistral.mistral")
    hosting = stage.again(left)
    await stage.settle()
    assert (await hosting.components.get(WHO, "gone")).status == "Failed"
    assert (await hosting.components.get(WHO, "chat")).status == "InService"
    assert len(stage.fleet.wishes) == 1


async def test_a_start_that_was_killed_goes_on(stage: Stage) -> None:
    stage.fleet.is_ready = False
    await model(stage)
    await endpoint(stage)
    await component(stage)
    stage.again()
    stage.fleet.is_ready = True
    await stage.settle()
    assert (await stage.hosting.components.get(WHO, "chat")).status == "InService"


async def test_a_pool_that_fails_later_is_told_and_so_is_its_recovery(stage: Stage) -> None:
    await model(stage)
    await endpoint(stage, model="llama")
    stage.fleet.failure = "out of memory"
    await stage.settle()
    told = await stage.hosting.endpoints.get(WHO, "front")
    assert told.status == "Failed"
    assert "out of memory" in told.reason
    stage.fleet.failure = ""
    await stage.settle()
    assert (await stage.hosting.endpoints.get(WHO, "front")).status == "InService"


async def test_an_endpoint_moves_to_another_configuration(stage: Stage) -> None:
    await model(stage)
    await model(stage, "mistral", environment={"OPTION_MODEL_ID": MISTRAL}, artifact="")
    await endpoint(stage, model="llama")
    ask = h.CreateEndpointConfig(name="next", variants=[h.Variant(name="blue", model="mistral")])
    await stage.hosting.models.create_config(WHO, ask)
    stage.fleet.is_ready = False
    await stage.hosting.endpoints.update(WHO, h.PutEndpoint(name="front", config="next"))
    await stage.settle()
    assert (await target(stage)).model == "meta.llama", "it serves on while the next one starts"
    stage.fleet.is_ready = True
    await stage.settle()
    assert (await target(stage)).model == "mistral.mistral"
    assert [name for name, _ in stage.fleet.wishes] == ["mistral.mistral"]


async def test_another_tenants_endpoint_is_absent(stage: Stage) -> None:
    await model(stage)
    await endpoint(stage, model="llama")
    queries, ways = Queries(stage.database), []
    for name in ("front", "absent"):
        with pytest.raises(NotFound) as refused:
            await stage.hosting.targets.find(OTHER, FindTarget(endpoint=name))
        ways.append((refused.value.message.replace(name, "NAME"), queries.taken("generation")))
    assert ways[0] == ways[1], "statement for statement, so that its time tells nothing"
    assert ways[0][1]
    for read in (stage.hosting.models.model, stage.hosting.endpoints.get):
        with pytest.raises(NotFound):
            await read(OTHER, "front")


async def test_terms_are_asked_for_under_jumpstarts_names_only(stage: Stage) -> None:
    await model(stage)
    own = {"OPTION_MODEL_ID": "meta-textgeneration-llama-2-7b"}
    await model(stage, "asks", environment=own, artifact="")
    await model(stage, "agreed", environment=own, artifact="", accepts_eula=True)
    await endpoint(stage)
    for name, asks in (("llama", False), ("asks", True), ("agreed", False)):
        await component(stage, name, model=name)
        assert ((await target(stage, name)).terms is not None) == asks
    assert (await target(stage, endpoint="meta-textgeneration-llama-2-7b")).terms is not None


@pytest.mark.parametrize(
    ("part", "found"), [("Chat", ["my-Chat"]), ("chat", ["my-chat"]), ("_", []), ("%", [])]
)
async def test_a_part_of_a_name_is_looked_for_as_it_is_written(
    stage: Stage, part: str, found: list[str]
) -> None:
    for name in ("my-chat", "my-Chat"):
        await model(stage, name, artifact="")
    some = await stage.hosting.models.models(WHO, h.Query(contains=part))
    assert [one.name for one in some.items] == found


async def test_pages_are_stable_sorted_and_filtered(stage: Stage) -> None:
    for number in range(5):
        await model(stage, f"m-{number}", artifact="")
    first = await stage.hosting.models.models(
        WHO, h.Query(limit=2, sort_by="Name", descending=False)
    )
    assert [one.name for one in first.items] == ["m-0", "m-1"]
    await stage.hosting.models.delete_model(WHO, "m-1")
    rest = await stage.hosting.models.models(
        WHO, h.Query(limit=9, sort_by="Name", descending=False, token=first.next_token)
    )
    assert [one.name for one in rest.items] == ["m-2", "m-3", "m-4"]
    newest = await stage.hosting.models.models(WHO, h.Query(limit=1))
    assert newest.items[0].name == "m-4"
    some = await stage.hosting.models.models(WHO, h.Query(contains="3"))
    assert [one.name for one in some.items] == ["m-3"]
    with pytest.raises(InvalidRequest):
        await stage.hosting.models.models(WHO, h.Query(token="bm9uc2Vuc2U="))
