"""The fleet over a launcher whose servers live and die as a test says."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from kit.catalogue import Catalogue, ModelEntry
from kit.errors import Conflict, NotFound
from services.generation.service.fleet import Pools
from services.generation.service.pool import Pace
from services.generation.service.scaling import Scaler
from tests.unit.services.generation.launcher_double import LauncherDouble, Server

SOON = Pace(first=0.01, longest=0.02, steady=0.05, look=0.01)


def model(name: str, **fields: object) -> ModelEntry:
    described = dict.fromkeys(("name", "provider", "description", "licence", "source"), name)
    return ModelEntry(id=f"local.{name}", kind="text", engine="vllm", **described | fields)


A, B = model("a", folder=Path("/a")), model("b", folder=Path("/b"))


@pytest.fixture
def launcher() -> LauncherDouble:
    return LauncherDouble()


@pytest.fixture
async def pools(launcher: LauncherDouble) -> AsyncIterator[Pools]:
    pools = Pools(Catalogue([A, B, model("absent")]), launcher, lambda: Scaler(10), SOON)
    async with pools.running():
        yield pools


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.002)


async def test_a_demanded_model_starts_and_is_ready_once_its_server_answers(
    pools: Pools, launcher: LauncherDouble
):
    await pools.demand(A.id, "me", 1)
    await until(lambda: launcher.servers)
    assert (pools.state(A.id).status, pools.replicas(A.id)) == ("starting", ())
    launcher.servers[0].answer()
    await until(lambda: pools.state(A.id).status == "ready")
    assert [replica.id for replica in pools.replicas(A.id)] == ["local.a-0"]


async def test_the_greediest_holder_decides_and_the_last_to_leave_stops_the_pool(
    pools: Pools, launcher: LauncherDouble
):
    await pools.demand(A.id, "one", 1)
    await pools.demand(A.id, "three", 3)
    await until(lambda: len(launcher.alive) == 3)
    await pools.release(A.id, "three")
    await until(lambda: len(launcher.alive) == 1)
    await pools.release(A.id, "one")
    await until(lambda: not launcher.alive)
    assert pools.state(A.id).status == "stopped"


async def test_those_that_are_not_ready_go_first(pools: Pools, launcher: LauncherDouble):
    await pools.demand(A.id, "me", 3)
    await until(lambda: len(launcher.servers) == 3)
    launcher.servers[1].answer()
    await until(lambda: pools.replicas(A.id))
    await pools.demand(A.id, "me", 1)
    await until(lambda: len(launcher.alive) == 1)
    assert [replica.id for replica in pools.replicas(A.id)] == ["local.a-1"]


async def test_a_server_that_ends_is_replaced_by_another_replica(
    pools: Pools, launcher: LauncherDouble
):
    await pools.demand(A.id, "me", 1)
    await until(lambda: launcher.servers)
    launcher.servers[0].answer()
    await until(lambda: pools.replicas(A.id))
    launcher.servers[0].die("killed")
    await until(lambda: len(launcher.servers) == 2)
    assert launcher.servers[0].is_stopped
    assert pools.state(A.id).status == "starting"
    launcher.servers[1].answer()
    await until(lambda: pools.replicas(A.id))
    assert [replica.id for replica in pools.replicas(A.id)] == ["local.a-1"]


async def test_a_server_that_ends_again_and_again_is_a_failure_that_says_why(
    pools: Pools, launcher: LauncherDouble
):
    await pools.demand(A.id, "me", 1)
    for n in range(2):
        await until(lambda n=n: len(launcher.servers) == n + 1)
        launcher.servers[n].die("no room for the cache")
    await until(lambda: pools.state(A.id).status == "failed")
    assert pools.state(A.id).reason == "no room for the cache"
    await until(lambda: len(launcher.servers) == 3)
    launcher.servers[2].answer()
    await until(lambda: pools.state(A.id).status == "ready")


async def test_a_steady_life_clears_the_record(pools: Pools, launcher: LauncherDouble):
    await pools.demand(A.id, "me", 1)
    for n in range(3):
        await until(lambda n=n: len(launcher.servers) == n + 1)
        launcher.servers[n].answer()
        await until(lambda: pools.replicas(A.id))
        await asyncio.sleep(SOON.steady)
        launcher.servers[n].die("killed")
        await until(lambda: not pools.replicas(A.id))
        assert pools.state(A.id).status == "starting"


async def test_only_the_end_of_the_platform_waits_for_no_request(launcher: LauncherDouble):
    pools = Pools(Catalogue([A]), launcher, lambda: Scaler(10), SOON)
    async with pools.running():
        await pools.demand(A.id, "me", 2)
        await until(lambda: len(launcher.alive) == 2)
        await pools.demand(A.id, "me", 1)
        await until(lambda: len(launcher.alive) == 1)
    assert sorted(server.was_cut_off for server in launcher.servers) == [False, True]


async def hung(pools: Pools, launcher: LauncherDouble) -> Server:
    """One that answers no more, and is being stopped for that."""
    await pools.demand(A.id, "me", 1)
    await until(lambda: launcher.servers)
    (server,) = launcher.servers
    server.is_drained.clear()
    server.answer()
    await until(lambda: pools.replicas(A.id))
    server.die("answers no more")
    await until(lambda: server.is_stopping)
    return server


async def test_a_stop_under_way_goes_on_to_its_end_when_nobody_wants_the_copy_any_more(
    pools: Pools, launcher: LauncherDouble
):
    server = await hung(pools, launcher)
    await pools.release(A.id, "me")
    await asyncio.sleep(0.02)
    assert not server.is_stopped
    server.is_drained.set()
    await until(lambda: server.is_stopped)
    assert not server.was_cut_off
    await asyncio.sleep(SOON.longest * 2)
    assert launcher.servers == [server], "and none is started in its place"


async def test_a_stop_under_way_becomes_one_at_once_when_the_platform_ends(
    launcher: LauncherDouble,
):
    pools = Pools(Catalogue([A]), launcher, lambda: Scaler(10), SOON)
    async with asyncio.timeout(5), pools.running():
        server = await hung(pools, launcher)
    assert server.was_cut_off


async def test_a_stop_that_breaks_does_not_keep_a_copy_that_nobody_wants(
    pools: Pools, launcher: LauncherDouble, caplog: pytest.LogCaptureFixture
):
    await pools.demand(A.id, "me", 1)
    await until(lambda: launcher.servers)
    launcher.servers[0].stop_breaks = OSError("no such process")
    await pools.release(A.id, "me")
    await until(lambda: launcher.servers[0].is_stopped)
    await asyncio.sleep(SOON.longest * 2)
    assert len(launcher.servers) == 1
    assert "no such process" in caplog.text


async def test_more_than_fits_is_refused_and_changes_nothing(
    pools: Pools, launcher: LauncherDouble
):
    await pools.demand(A.id, "me", 3)
    with pytest.raises(Conflict, match="room for 4"):
        await pools.demand(B.id, "me", 2)
    assert pools.state(B.id).status == "stopped"
    await pools.demand(B.id, "me", 1)
    await until(lambda: len(launcher.alive) == 4)


async def test_a_model_without_weights_says_how_to_bring_them(pools: Pools):
    with pytest.raises(NotFound, match=r"--model local\.absent=FOLDER"):
        await pools.demand("local.absent", "me", 1)


async def test_a_pool_grows_under_load_up_to_what_fits_and_shrinks_after(launcher: LauncherDouble):
    pools = Pools(
        Catalogue([A]), launcher, lambda: Scaler(10, grow_after=0.03, shrink_after=0.03), SOON
    )
    async with pools.running():
        await pools.demand(A.id, "me", 1, at_most=6)
        pools.outstanding(A.id, 100)
        await until(lambda: len(launcher.alive) == launcher.room)
        await asyncio.sleep(0.1)
        assert len(launcher.alive) == launcher.room
        pools.outstanding(A.id, 0)
        await until(lambda: len(launcher.alive) == 1)
    assert not launcher.alive


async def test_weights_that_cannot_be_read_end_neither_growth_nor_the_stop_at_the_end(
    launcher: LauncherDouble, caplog: pytest.LogCaptureFixture
):
    pools = Pools(Catalogue([A]), launcher, lambda: Scaler(10, grow_after=0.0), SOON)
    async with pools.running():
        await pools.demand(A.id, "me", 1, at_most=2)
        await until(lambda: launcher.alive)
        launcher.check_breaks = FileNotFoundError("model.safetensors")
        pools.outstanding(A.id, 100)
        await until(lambda: "model.safetensors" in caplog.text)
        launcher.check_breaks = None
        await until(lambda: len(launcher.alive) == 2)
    assert not launcher.alive


async def test_pools_are_stopped_though_scaling_broke(launcher: LauncherDouble, monkeypatch):
    async def broken(_: Pools) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Pools, "_look", broken)
    pools = Pools(Catalogue([A]), launcher, lambda: Scaler(10), SOON)
    running = pools.running()
    await running.__aenter__()
    await pools.demand(A.id, "me", 1)
    await until(lambda: launcher.alive)
    with pytest.raises(RuntimeError, match="a bug"):
        await running.__aexit__(None, None, None)
    assert not launcher.alive


async def test_a_copy_that_breaks_in_our_own_hands_is_told_of_and_tried_again(
    pools: Pools, launcher: LauncherDouble
):
    launcher.breaks = FileNotFoundError("config.json")
    await pools.demand(A.id, "me", 1)
    await until(lambda: pools.state(A.id).status == "failed")
    assert "config.json" in pools.state(A.id).reason
    launcher.breaks = None
    await until(lambda: launcher.servers)
    launcher.servers[0].answer()
    await until(lambda: pools.state(A.id).status == "ready")
