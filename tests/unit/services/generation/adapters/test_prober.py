"""The probe loads a whole base a second time: one at a time, and only where it has room."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from contracts.generation.adapters import Check
from kit.confined import ChildTooSlow
from kit.errors import InvalidRequest, NotReady
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


async def test_a_server_that_goes_away_while_peft_merges_is_waited_for(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def merged(*_: Any, **__: Any) -> dict[str, Any]:
        return {"prompt": [1]}

    async def ask(*_: Any) -> Any:
        raise NotReady("The model test.base is starting; try again.", retry_after=5.0)

    monkeypatch.setattr(prober, "run_confined", merged)
    probe = probing(base, 4 * GIB)
    monkeypatch.setattr(probe, "_ask", ask)
    with pytest.raises(NotReady):
        await probed(probe, base)
