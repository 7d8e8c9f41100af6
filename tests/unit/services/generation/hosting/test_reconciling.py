"""The loop that deploys for every tenant goes on, whatever one row holds."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contracts.generation import hosting as h
from kit.errors import NotFound
from services.generation.ports import Artifact
from tests.support.hosting import LLAMA, WHO, Stage, staged


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as made:
        yield made


async def deploy(stage: Stage, name: str) -> None:
    """An endpoint whose model has an archive of the same name."""
    archive = f"s3://models/{name}.tar.gz"
    container = h.Container(environment={"OPTION_MODEL_ID": LLAMA}, artifact=archive)
    await stage.hosting.models.create_model(WHO, h.CreateModel(name=name, container=container))
    config = h.CreateEndpointConfig(name=name, variants=[h.Variant(name="blue", model=name)])
    await stage.hosting.models.create_config(WHO, config)
    await stage.hosting.endpoints.create(WHO, h.PutEndpoint(name=name, config=name))


async def status(stage: Stage, name: str) -> str:
    return (await stage.hosting.endpoints.get(WHO, name)).status


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

    config = h.CreateEndpointConfig(name="front", variants=[h.Variant(name="blue")])
    await stage.hosting.models.create_config(WHO, config)
    await stage.hosting.endpoints.create(WHO, h.PutEndpoint(name="front", config="front"))
    await stage.settle()
    monkeypatch.setattr(stage.artifacts, "look", look)
    container = h.Container(environment={"OPTION_MODEL_ID": LLAMA}, artifact="s3://models/a.tar.gz")
    ask = h.CreateComponent(
        name="chat", endpoint="front", variant="blue", deployed=h.Deployed(container=container)
    )
    await stage.hosting.components.create(WHO, ask)
    await stage.settle()
    with pytest.raises(NotFound):
        await stage.hosting.components.get(WHO, "chat")
    assert stage.fleet.wishes == {}
