"""Servers that somebody else starts, at the HTTP edge: one that is there, away, and back."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from kit.catalogue import ModelEntry
from kit.errors import Conflict, Unavailable
from services.generation.engines.launchers import probe, static
from services.generation.engines.launchers.static import StaticLauncher
from services.generation.ports import EngineLimits

DECLARED = EngineLimits(context=100, sequences=4, adapters=2, rank=8)


class Elsewhere:
    """A server whose health a test decides."""

    def __init__(self) -> None:
        self.status = 200

    async def health(self, _: web.Request) -> web.Response:
        return web.Response(status=self.status)

    async def models(self, _: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "m", "max_model_len": 777}]})


@pytest.fixture
def elsewhere() -> Elsewhere:
    return Elsewhere()


@pytest.fixture
async def model(elsewhere: Elsewhere, monkeypatch) -> AsyncIterator[ModelEntry]:
    monkeypatch.setattr(probe, "_BETWEEN", 0.01)
    monkeypatch.setattr(static, "_LOOK", 0.01)
    app = web.Application()
    app.add_routes([web.get("/health", elsewhere.health), web.get("/v1/models", elsewhere.models)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    described = dict.fromkeys(("name", "provider", "description", "licence", "source"), "m")
    yield ModelEntry(id="local.m", kind="text", engine="vllm", replicas=(url,), **described)
    await runner.cleanup()


async def test_a_declared_server_is_a_replica_with_the_context_that_it_tells(model: ModelEntry):
    launched = await StaticLauncher(DECLARED, None).launch(model)
    replica = await launched.ready()
    assert replica.url == model.replicas[0]
    assert replica.limits == EngineLimits(777, 4, 2, 8)
    await launched.stop()


async def test_after_an_outage_it_is_another_replica(model: ModelEntry, elsewhere: Elsewhere):
    launcher = StaticLauncher(DECLARED, None)
    launched = await launcher.launch(model)
    first = await launched.ready()
    elsewhere.status = 503
    async with asyncio.timeout(5):
        assert model.replicas[0] in await launched.ended()
    await launched.stop()
    elsewhere.status = 200
    again = await launcher.launch(model)
    assert (await again.ready()).id != first.id
    await again.stop()


async def test_each_url_is_one_copy(model: ModelEntry):
    launcher = StaticLauncher(DECLARED, None)
    launcher.check([(model, 1)])
    with pytest.raises(Conflict, match="declared servers: 1"):
        launcher.check([(model, 2)])
    launched = await launcher.launch(model)
    with pytest.raises(Unavailable, match="in use"):
        await launcher.launch(model)
    await launched.stop()


async def test_a_stop_that_is_cut_short_gives_its_url_back(model: ModelEntry, monkeypatch):
    launcher = StaticLauncher(DECLARED, None)
    launched = await launcher.launch(model)
    with monkeypatch.context() as hanging:
        hanging.setattr(static.Probe, "close", lambda _: asyncio.Event().wait())
        stopping = asyncio.create_task(launched.stop())
        await asyncio.sleep(0)
        stopping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stopping
    again = await launcher.launch(model)
    await launched.stop()
    with pytest.raises(Unavailable, match="in use"):  # by another, which the first leaves alone
        await launcher.launch(model)
    await again.stop()


async def test_one_that_is_away_says_so(model: ModelEntry, elsewhere: Elsewhere, monkeypatch):
    monkeypatch.setattr(static, "_PATIENCE", 0.05)
    elsewhere.status = 500
    launched = await StaticLauncher(DECLARED, None).launch(model)
    with pytest.raises(Unavailable, match="does not answer"):
        await launched.ready()
    await launched.stop()
