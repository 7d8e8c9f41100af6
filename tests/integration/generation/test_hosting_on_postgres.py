"""Hosting on PostgreSQL: its transactions side by side, and several processes on one database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from contracts.generation import hosting as h
from kit.errors import InvalidRequest, PlatformError
from services.generation.ports import Artifact
from services.generation.service.hosting import leading
from tests.support.hosting import LLAMA, WHO, Stage, staged
from tests.unit.services.generation.hosting.deployed import component, endpoint, model, two_models
from tests.unit.services.generation.hosting.test_hosting import *  # noqa: F403 - run here too
from tests.unit.services.generation.hosting.test_reconciling import *  # noqa: F403 - run here too
from tests.unit.services.generation.hosting.test_updating import *  # noqa: F403 - run here too

pytestmark = pytest.mark.integration


@pytest.fixture
async def stage(tmp_path: Path, empty_postgres_url: str) -> AsyncIterator[Stage]:
    async with staged(tmp_path, empty_postgres_url) as made:
        yield made


async def until_at_rest(stage: Stage) -> list[h.Component]:
    ask = h.Query(limit=100, sort_by="Name", descending=False)
    async with asyncio.timeout(30):
        while True:
            items = (await stage.hosting.components.list(WHO, ask)).items
            if all(one.status in ("InService", "Failed") for one in items):
                return items
            await asyncio.sleep(0.05)


async def test_two_processes_deploy_everything_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []

    async def look(tenant: str, uri: str) -> Artifact:
        looked.append(uri)
        await asyncio.sleep(0.05)
        return Artifact("", ("es",))

    await model(stage)
    await endpoint(stage)
    monkeypatch.setattr(stage.artifacts, "look", look)
    other = stage.beside()
    async with AsyncExitStack() as both:
        for one in (stage, other):
            await both.enter_async_context(one.hosting.reconciler.running())
        names = [f"c-{number:02}" for number in range(12)]
        for number, name in enumerate(names):
            container = h.Container(
                environment={"OPTION_MODEL_ID": LLAMA}, artifact=f"s3://models/{name}.tar.gz"
            )
            ask = h.CreateComponent(
                name=name, endpoint="front", deployed=h.Deployed(container=container)
            )
            await (stage, other)[number % 2].hosting.components.create(WHO, ask)
        made = await until_at_rest(stage)
        assert [one.name for one in made] == names
        assert {one.status for one in made} == {"InService"}
        assert len(looked) == len(set(looked)) == 12
        async with asyncio.timeout(10):
            while not len(stage.fleet.wishes) == len(other.fleet.wishes) == 12:
                await asyncio.sleep(0.05)
        for name in names:
            await other.hosting.components.delete(WHO, name)
        async with asyncio.timeout(20):
            while stage.fleet.wishes or other.fleet.wishes:
                await asyncio.sleep(0.05)
        assert await until_at_rest(stage) == []


async def test_only_the_leading_process_says_what_became_of_a_deployment(stage: Stage) -> None:
    await two_models(stage)
    await endpoint(stage)
    await component(stage)
    other = stage.beside()
    other.fleet.failure = "out of memory"
    for _ in range(3):
        await other.settle()
        await stage.settle()
        assert (await stage.hosting.components.get(WHO, "chat")).status == "InService"
    assert other.fleet.wishes == stage.fleet.wishes, "it serves all the same"
    ask = h.UpdateComponent(name="chat", deployed=h.Deployed(model="mistral"))
    await other.hosting.components.update(WHO, ask)
    await stage.settle()
    await other.settle()
    assert (await stage.hosting.components.get(WHO, "chat")).status == "InService"
    assert [name for name, _ in other.fleet.wishes] == ["mistral.mistral"]


async def test_another_process_leads_once_the_first_has_left(stage: Stage) -> None:
    await model(stage)
    other = stage.beside()
    async with stage.hosting.reconciler.running():
        await endpoint(stage)
        await other.settle()
    await other.hosting.components.create(WHO, _chat())
    await other.settle()
    assert (await other.hosting.components.get(WHO, "chat")).status == "InService"


async def test_another_process_leads_once_the_first_is_silent(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leading, "LEASE", 0.5)
    await model(stage)
    await endpoint(stage)
    other = stage.beside()
    await other.hosting.components.create(WHO, _chat())
    await other.hosting.reconciler.tick()
    assert (await other.hosting.components.get(WHO, "chat")).status == "Creating"
    await asyncio.sleep(0.6)
    await other.settle()
    assert (await other.hosting.components.get(WHO, "chat")).status == "InService"


async def test_one_of_two_that_take_a_name_at_once_is_refused(stage: Stage) -> None:
    for number in range(10):
        ask = h.CreateModel(name=f"m-{number}")
        twice = [stage.hosting.models.create_model(WHO, ask) for _ in range(3)]
        told = await asyncio.gather(*twice, return_exceptions=True)
        refused = [one for one in told if isinstance(one, BaseException)]
        assert [type(one) for one in refused] == [InvalidRequest] * 2


async def test_tags_that_are_put_at_once_are_all_kept(stage: Stage) -> None:
    await model(stage)
    puts = [
        stage.hosting.models.tags(WHO, h.Tagged(kind="model", name="llama", put={f"k{n}": "v"}))
        for n in range(12)
    ]
    await asyncio.gather(*puts)
    kept = await stage.hosting.models.tags(WHO, h.Tagged(kind="model", name="llama"))
    assert len(kept.tags) == 12


async def test_of_two_updates_at_once_the_second_is_told_to_wait(stage: Stage) -> None:
    await two_models(stage)
    await endpoint(stage, model="llama")
    for name in ("green", "red"):
        config = h.CreateEndpointConfig(name=name, variants=[h.Variant(name=name, model="mistral")])
        await stage.hosting.models.create_config(WHO, config)
    asks = [h.PutEndpoint(name="front", config=name) for name in ("green", "red")]
    updates = [stage.hosting.endpoints.update(WHO, ask) for ask in asks]
    told = await asyncio.gather(*updates, return_exceptions=True)
    assert sum(isinstance(one, PlatformError) for one in told) == 1
    await stage.settle()
    after = await stage.hosting.endpoints.get(WHO, "front")
    assert (after.status, len(after.variants)) == ("InService", 1)
    assert len(stage.fleet.wishes) == 1


def _chat() -> h.CreateComponent:
    deployed = h.Deployed(model="llama")
    return h.CreateComponent(name="chat", endpoint="front", variant="blue", deployed=deployed)
