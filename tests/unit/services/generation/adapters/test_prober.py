"""The probe loads a whole base a second time: one at a time, and only where it has room."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from contracts.generation.adapters import Check
from kit.confined import ChildTooSlow
from kit.errors import Interrupted, InvalidRequest, NotReady, RateLimited, Unavailable
from services.generation.engines.adapters import prober
from services.generation.engines.adapters.prober import MergedProber
from services.generation.ports import PoolState
from tests.unit.services.generation.routing.world import MODEL, Fleet, adapter, replica

GIB = 1 << 30


def probing(folder: Path, available: int, fleet: Fleet | None = None) -> MergedProber:
    fleet = fleet or Fleet(replica("a"))
    return MergedProber(
        {}, fleet, python=Path(sys.executable), scratch=folder, available=lambda: available
    )


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """With a GiB of weights, in no blocks of the disk."""
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.truncate(GIB)
    return tmp_path


async def probed(probe: MergedProber, base: Path) -> Check:
    return await probe.probe("t", MODEL.model_copy(update={"folder": base}), adapter("es"))


async def test_a_base_that_finds_no_room_is_not_merged_and_the_record_says_why(base: Path) -> None:
    check = await probed(probing(base, 2 * GIB), base)
    assert check.outcome == "skipped"
    assert check.detail == (
        "PEFT needs 3.0 GiB of memory to merge it, and 2.0 GiB are left on this machine"
    )


async def test_bases_are_merged_one_after_the_other(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, most = 0, 0

    async def merged(*_: Any, **__: Any) -> dict[str, Any]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        raise InvalidRequest("as far as this goes")

    monkeypatch.setattr(prober, "run_confined", merged)
    probe = probing(base, 4 * GIB)
    checks = await asyncio.gather(*(probed(probe, base) for _ in range(4)))
    assert [check.outcome for check in checks] == ["failed"] * 4
    assert most == 1


async def test_a_machine_too_slow_to_merge_says_nothing_of_the_adapter(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def merged(*_: Any, **__: Any) -> dict[str, Any]:
        raise ChildTooSlow("Reading it takes longer than 900 s.")

    monkeypatch.setattr(prober, "run_confined", merged)
    check = await probed(probing(base, 4 * GIB), base)
    assert check.outcome == "skipped"
    assert "longer than 900 s" in check.detail


async def test_while_the_base_is_starting_the_adapter_waits(base: Path) -> None:
    fleet = Fleet(state=PoolState("starting", 0, 1, retry_after=7.0))
    with pytest.raises(NotReady, match=r"test\.base is starting") as raised:
        await probed(probing(base, 4 * GIB, fleet), base)
    assert raised.value.retry_after == 7.0


@pytest.mark.parametrize("status", ["stopped", "failed"])
async def test_where_nobody_serves_the_base_it_does_not_wait(base: Path, status: Any) -> None:
    check = await probed(probing(base, 4 * GIB, Fleet(state=PoolState(status, 0, 0))), base)
    assert (check.outcome, check.detail) == ("skipped", "no server of the base model runs")


class Engine:
    """Fails as it is told to, beside a merged model whose merges are counted."""

    def __init__(self, probe: MergedProber, patched: pytest.MonkeyPatch) -> None:
        self.merges = 0
        self.error: Exception = AssertionError()
        patched.setattr(prober, "run_confined", self._merged)
        patched.setattr(probe, "_ask", self._asked)

    async def _merged(self, *_: Any, **__: Any) -> dict[str, Any]:
        self.merges += 1
        return {"prompt": [1]}

    async def _asked(self, *_: Any) -> Any:
        raise self.error


@pytest.mark.parametrize(
    "error",
    [
        NotReady("The model test.base is starting; try again.", retry_after=5.0),
        RateLimited("9 requests of this tenant wait for test.base already.", retry_after=5.0),
        Unavailable("More is asked of test.base than it can do.", retry_after=5.0),
    ],
    ids=lambda error: error.code,
)
async def test_a_server_that_has_no_time_is_waited_for_and_peft_merges_once(
    base: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    probe = probing(base, 4 * GIB)
    engine = Engine(probe, monkeypatch)
    engine.error = error
    for _ in range(3):
        with pytest.raises(NotReady) as raised:
            await probed(probe, base)
        assert raised.value.retry_after == 5.0
    assert engine.merges == 1


async def test_a_server_that_has_gone_for_good_meanwhile_is_not_waited_for(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = Fleet(replica("a"))
    probe = probing(base, 4 * GIB, fleet)
    Engine(probe, monkeypatch)

    async def gone(*_: Any) -> Any:
        fleet.ready, fleet.said = (), PoolState("stopped", 0, 0)
        raise Unavailable("The servers of test.base have gone.", retry_after=1)

    monkeypatch.setattr(probe, "_ask", gone)
    check = await probed(probe, base)
    assert (check.outcome, check.detail) == ("skipped", "no server of the base model runs")


async def test_a_server_that_breaks_off_under_the_probe_lets_nothing_pass(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = probing(base, 4 * GIB)
    Engine(probe, monkeypatch).error = Interrupted("The model server broke off.", retry_after=1)
    with pytest.raises(Interrupted):
        await probed(probe, base)


@pytest.mark.parametrize("status", ["stopped", "failed"])
async def test_a_server_that_broke_off_and_does_not_come_back_is_waited_for(
    base: Path, monkeypatch: pytest.MonkeyPatch, status: Any
) -> None:
    """Its copies are failing after a few ends: of them the probe may be the cause."""
    fleet = Fleet(replica("a"))
    probe = probing(base, 4 * GIB, fleet)
    Engine(probe, monkeypatch).error = Interrupted("The model server broke off.", retry_after=1)
    with pytest.raises(Interrupted):
        await probed(probe, base)
    fleet.ready, fleet.said = (), PoolState(status, 0, 0)
    with pytest.raises(NotReady, match="broke off when this adapter was tried"):
        await probed(probe, base)
