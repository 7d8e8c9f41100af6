"""The loop that deploys for every tenant goes on, whatever one row holds."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contracts.generation import hosting as h
from kit.auth.principal import Principal
from kit.errors import NotFound, NotReady, Unavailable
from services.generation.ports import Artifact
from services.generation.repository.hosting import rows
from services.generation.service.hosting import reconciling
from tests.support.hosting import LLAMA, MISTRAL, WHO, Stage, staged


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as made:
        yield made


async def deploy(stage: Stage, name: str, patience: float = 3600) -> None:
    """An endpoint whose model has an archive of the same name."""
    archive = f"s3://models/{name}.tar.gz"
    container = h.Container(environment={"OPTION_MODEL_ID": LLAMA}, artifact=archive)
    await stage.hosting.models.create_model(WHO, h.CreateModel(name=name, container=container))
    variant = h.Variant(name="blue", model=name, patience=patience)
    config = h.CreateEndpointConfig(name=name, variants=[variant])
    await stage.hosting.models.create_config(WHO, config)
    await stage.hosting.endpoints.create(WHO, h.PutEndpoint(name=name, config=name))


async def status(stage: Stage, name: str) -> str:
    return (await stage.hosting.endpoints.get(WHO, name)).status


async def front_without_model(stage: Stage) -> None:
    config = h.CreateEndpointConfig(name="front", variants=[h.Variant(name="blue")])
    await stage.hosting.models.create_config(WHO, config)
    await stage.hosting.endpoints.create(WHO, h.PutEndpoint(name="front", config="front"))
    await stage.settle()


async def create_component(stage: Stage, name: str, archive: str) -> None:
    container = h.Container(
        environment={"OPTION_MODEL_ID": LLAMA}, artifact=f"s3://models/{archive}"
    )
    deployed = h.Deployed(container=container)
    ask = h.CreateComponent(name=name, endpoint="front", variant="blue", deployed=deployed)
    await stage.hosting.components.create(WHO, ask)


def holding(stage: Stage, monkeypatch: pytest.MonkeyPatch, looks: int) -> None:
    """For as many looks, nobody's adapters can be let go of."""
    release, held = stage.shelf.release_component, ["held"] * looks

    async def released(who: Principal, name: str) -> None:
        if held:
            raise NotReady(held.pop())
        await release(who, name)

    monkeypatch.setattr(stage.shelf, "release_component", released)


async def taken_down_elsewhere(stage: Stage, name: str) -> None:
    found = await stage.database.read(rows.found, WHO.tenant, "inference-component", name)
    assert found is not None
    assert await stage.database.write(rows.remove, found)


async def test_a_bug_that_one_row_finds_holds_no_other_row_up(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look(tenant: str, uri: str) -> Artifact:
        if uri.endswith("broken.tar.gz"):
            raise ValueError("nobody has thought of this")
        return Artifact()

    monkeypatch.setattr(stage.artifacts, "look", look)
    for name in ("broken", "sound"):
        await deploy(stage, name)
    for _ in range(3):
        await stage.settle()
    assert await status(stage, "broken") == "Creating"
    assert await status(stage, "sound") == "InService"


async def test_an_error_that_nobody_thought_of_fails_a_deployment_after_its_patience(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look(tenant: str, uri: str) -> Artifact:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(stage.artifacts, "look", look)
    await deploy(stage, "broken", patience=0.001)
    await asyncio.sleep(0.01)
    await stage.settle()
    told = await stage.hosting.endpoints.get(WHO, "broken")
    assert told.status == "Failed"
    assert "the log" in told.reason
    assert "space" not in told.reason
    await stage.hosting.endpoints.delete(WHO, "broken")
    await stage.settle()
    with pytest.raises(NotFound):
        await stage.hosting.endpoints.get(WHO, "broken")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), Unavailable("later")])
async def test_after_a_trouble_there_is_a_pause_unless_something_else_is_wanted(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    looks = list[str]()

    async def look(tenant: str, uri: str) -> Artifact:
        looks.append(uri)
        raise error

    await front_without_model(stage)
    monkeypatch.setattr(stage.artifacts, "look", look)
    await create_component(stage, "chat", "a.tar.gz")
    await stage.settle()
    assert len(looks) == 1
    assert (await stage.hosting.components.get(WHO, "chat")).status == "Creating"
    await stage.hosting.components.delete(WHO, "chat")
    await create_component(stage, "other", "a.tar.gz")
    await stage.settle()
    assert len(looks) == 2
    with pytest.raises(NotFound):
        await stage.hosting.components.get(WHO, "chat")


async def test_a_deletion_that_only_waits_does_not_pause(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await front_without_model(stage)
    await create_component(stage, "chat", "adapters.tar.gz")
    await stage.settle()
    holding(stage, monkeypatch, looks=2)
    await stage.hosting.components.delete(WHO, "chat")
    await stage.settle()
    with pytest.raises(NotFound):
        await stage.hosting.components.get(WHO, "chat")


async def test_going_back_to_what_is_still_taken_down_does_not_pause(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await deploy(stage, "adapters")
    await stage.settle()
    green = h.Variant(name="green", model="adapters", copies=99)
    await stage.hosting.models.create_config(
        WHO, h.CreateEndpointConfig(name="next", variants=[green])
    )
    await stage.hosting.endpoints.update(WHO, h.PutEndpoint(name="adapters", config="next"))
    holding(stage, monkeypatch, looks=3)
    await stage.database.write(
        rows.set_record, WHO.tenant, "variant", "adapters/blue", status="Deleting"
    )
    await stage.settle()
    told = await stage.hosting.endpoints.get(WHO, "adapters")
    assert (told.status, told.config) == ("InService", "adapters")
    assert "do not fit" in told.reason


async def test_after_the_pause_it_is_tried_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciling, "PAUSE", 0.0)
    errors = [OSError(28, "No space left on device")]

    async def look(tenant: str, uri: str) -> Artifact:
        if errors:
            raise errors.pop()
        return Artifact()

    await front_without_model(stage)
    monkeypatch.setattr(stage.artifacts, "look", look)
    await create_component(stage, "chat", "a.tar.gz")
    await stage.settle()
    assert (await stage.hosting.components.get(WHO, "chat")).status == "InService"


async def test_the_pause_is_no_longer_than_the_patience(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look(tenant: str, uri: str) -> Artifact:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(reconciling, "PAUSE", 3600.0)
    monkeypatch.setattr(stage.artifacts, "look", look)
    await deploy(stage, "broken", patience=0.2)
    async with stage.hosting.reconciler.running(), asyncio.timeout(20):
        while await status(stage, "broken") != "Failed":
            await asyncio.sleep(0.05)


async def test_what_the_fleet_breaks_on_holds_no_other_row_up(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    demand = stage.fleet.demand

    async def broken(model: str, holder: str, copies: int, *, at_most: int | None = None) -> None:
        if "broken" in holder:
            raise OSError(11, "Resource temporarily unavailable")
        await demand(model, holder, copies, at_most=at_most)

    monkeypatch.setattr(stage.fleet, "demand", broken)
    monkeypatch.setattr(reconciling, "PAUSE", 0.0)
    stage.artifacts.held |= {f"s3://models/{n}.tar.gz": Artifact() for n in ("broken", "sound")}
    for name in ("broken", "sound"):
        await deploy(stage, name)
    await stage.settle()
    assert await status(stage, "broken") == "Creating"
    assert await status(stage, "sound") == "InService"


async def test_a_slow_archive_holds_no_other_row_up(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = asyncio.Event()

    async def look(tenant: str, uri: str) -> Artifact:
        if uri.endswith("slow.tar.gz"):
            await fetched.wait()
        return Artifact()

    monkeypatch.setattr(stage.artifacts, "look", look)
    for name in ("slow", "swift"):
        await deploy(stage, name)
    async with stage.hosting.reconciler.running():
        async with asyncio.timeout(20):
            while await status(stage, "swift") != "InService":
                await asyncio.sleep(0.05)
        assert await status(stage, "slow") == "Creating"
        fetched.set()
        async with asyncio.timeout(20):
            while await status(stage, "slow") != "InService":
                await asyncio.sleep(0.05)


async def test_what_is_deleted_while_it_is_planned_leaves_no_copies(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look(tenant: str, uri: str) -> Artifact:
        await stage.hosting.components.delete(WHO, "chat")
        return Artifact()

    await front_without_model(stage)
    monkeypatch.setattr(stage.artifacts, "look", look)
    await create_component(stage, "chat", "a.tar.gz")
    await stage.settle()
    with pytest.raises(NotFound):
        await stage.hosting.components.get(WHO, "chat")
    assert stage.fleet.wishes == {}


async def test_a_step_goes_by_what_its_row_says_when_it_is_its_turn(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = asyncio.Event()

    async def look(tenant: str, uri: str) -> Artifact:
        if uri.endswith("slow.tar.gz"):
            await fetched.wait()
        return Artifact("", ("es",))

    await front_without_model(stage)
    monkeypatch.setattr(stage.artifacts, "look", look)
    await create_component(stage, "victim", "a.tar.gz")
    await stage.settle()
    for number in range(4):
        await create_component(stage, f"a-slow-one-{number}", "slow.tar.gz")
    await stage.hosting.components.delete(WHO, "victim")
    await stage.hosting.reconciler.tick()  # four wait for their archives, and the fifth for a turn
    await taken_down_elsewhere(stage, "victim")
    await create_component(stage, "victim", "a.tar.gz")
    fetched.set()
    await stage.settle()
    made = await stage.hosting.components.get(WHO, "victim")
    assert made.status == "InService"
    assert "victim" in stage.shelf.names


async def test_what_another_process_makes_meanwhile_is_not_taken_down(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = stage.shelf.release_component

    async def released(who: Principal, name: str) -> None:
        await release(who, name)
        monkeypatch.setattr(stage.shelf, "release_component", release)
        await taken_down_elsewhere(stage, "chat")
        await create_component(stage, "chat", "adapters.tar.gz")

    await front_without_model(stage)
    await create_component(stage, "chat", "adapters.tar.gz")
    await stage.settle()
    monkeypatch.setattr(stage.shelf, "release_component", released)
    await stage.hosting.components.delete(WHO, "chat")
    await stage.settle()
    assert (await stage.hosting.components.get(WHO, "chat")).status == "InService"


async def test_copies_of_what_another_process_took_down_are_let_go_of(stage: Stage) -> None:
    await deploy(stage, "adapters")
    await stage.settle()
    other = stage.beside()
    await other.settle()
    assert stage.fleet.wishes == other.fleet.wishes != {}
    await other.hosting.endpoints.delete(WHO, "adapters")
    await other.settle()
    await stage.settle()
    assert stage.fleet.wishes == other.fleet.wishes == {}


async def test_copies_of_what_another_process_replaced_are_let_go_of(stage: Stage) -> None:
    await front_without_model(stage)
    await create_component(stage, "chat", "adapters.tar.gz")
    await stage.settle()
    container = h.Container(environment={"OPTION_MODEL_ID": MISTRAL})
    other = stage.beside()
    await other.hosting.components.update(
        WHO, h.UpdateComponent(name="chat", deployed=h.Deployed(container=container))
    )
    await other.settle()
    await stage.settle()
    assert [model for model, _ in stage.fleet.wishes] == ["mistral.mistral"]
