"""How many of somebody's files are looked at at once, for how long, and for whom."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from kit.confined import Limits, run_confined
from kit.errors import Unavailable
from services.generation.engines.adapters import examiner
from services.generation.engines.adapters.examiner import ConfinedExaminer
from services.generation.ports import AdapterRef
from tests.unit.kit.test_confined import ends_when_cancelled


class Children:
    """In the place of processes: each works until it is let go."""

    def __init__(self) -> None:
        self.limits = list[Limits]()
        self.running = 0
        self.go = asyncio.Event()

    async def run(self, _: str, __: Any, limits: Limits, **___: Any) -> dict[str, Any]:
        self.limits.append(limits)
        self.running += 1
        try:
            await self.go.wait()
        finally:
            self.running -= 1
        return {"checks": []} if limits.file_bytes == 0 else {}


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> Children:
    made = Children()
    monkeypatch.setattr(examiner, "run_confined", made.run)
    return made


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_two_archives_are_read_at_once_and_the_others_wait(
    tmp_path: Path, children: Children
) -> None:
    looks = ConfinedExaminer()
    reading = [asyncio.create_task(looks.unpack(tmp_path, None)) for _ in range(6)]
    await turns()
    assert children.running == 2
    compared = asyncio.create_task(looks.examine(AdapterRef("d", tmp_path, 8), None, None))
    await turns()
    assert children.running == 3  # no comparison waits for uploads
    children.go.set()
    assert await asyncio.gather(*reading, compared) == [[]] * 7
    assert len(children.limits) == 7


async def test_where_too_many_wait_the_next_is_told_to_come_again(
    tmp_path: Path, children: Children
) -> None:
    looks = ConfinedExaminer()
    reading = [asyncio.create_task(looks.unpack(tmp_path, None)) for _ in range(18)]
    await turns()
    with pytest.raises(Unavailable, match="Too many adapters") as refused:
        await looks.unpack(tmp_path, None)
    assert refused.value.retry_after
    children.go.set()
    await asyncio.gather(*reading)
    assert await looks.unpack(tmp_path, None) == []


async def test_who_leaves_gives_the_turn_or_the_place_in_the_line_back(
    tmp_path: Path, children: Children
) -> None:
    looks = ConfinedExaminer()
    reading = [asyncio.create_task(looks.unpack(tmp_path, None)) for _ in range(18)]
    await turns()
    for task in reading:
        task.cancel()
    await asyncio.gather(*reading, return_exceptions=True)
    assert children.running == 0
    children.go.set()
    assert await looks.unpack(tmp_path, None) == []


async def test_small_files_get_a_minute_and_large_ones_as_long_as_they_need(
    tmp_path: Path, children: Children
) -> None:
    looks = ConfinedExaminer()
    children.go.set()
    (tmp_path / "small").write_bytes(b"x" * 1000)
    for name, size in (("large", 2 << 30), ("huge", 64 << 30)):
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)
    for name in ("small", "large", "huge"):
        await looks.unpack(tmp_path / "files", tmp_path / name)
    assert [round(one.seconds) for one in children.limits] == [60, 316, 600]


async def test_the_process_ends_when_nobody_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real one, that would write its file for ever."""
    alive = tmp_path / "alive"

    async def run(_: str, __: Any, limits: Limits) -> dict[str, Any]:
        ask = {"do": "count", "path": str(alive)}
        return await run_confined("tests.unit.kit.confined_child", ask, limits)

    monkeypatch.setattr(examiner, "run_confined", run)
    reading = asyncio.create_task(ConfinedExaminer().unpack(tmp_path, None))
    await ends_when_cancelled(reading, alive)
