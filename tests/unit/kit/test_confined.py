"""What a confined process may do, and how its end is told."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from kit.confined import ChildBroke, Limits, run_confined
from kit.errors import InvalidRequest, NotFound
from kit.system_calls import can_filter

MODULE = "tests.unit.kit.confined_child"
FEW = Limits(20.0, file_bytes=1000, memory_bytes=1 << 30)


async def ask(what: str, limits: Limits = FEW, **more: object) -> object:
    return (await run_confined(MODULE, {"do": what, **more}, limits))["said"]


async def ends_when_cancelled(work: asyncio.Task[Any], path: Path) -> None:
    """The child of `work`, which writes `path` for ever."""
    while not path.exists():
        await asyncio.sleep(0.05)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    before = path.stat().st_mtime_ns
    await asyncio.sleep(0.3)
    assert path.stat().st_mtime_ns == before


async def pieces(mebibytes: int, error: Exception | None = None) -> AsyncIterator[bytes]:
    for _ in range(mebibytes):
        yield b"x" * (1 << 20)
    if error is not None:
        raise error


async def ask_about(what: str, body: AsyncIterator[bytes]) -> object:
    return (await run_confined(MODULE, {"do": what}, FEW, body=body))["said"]


async def test_it_answers_in_json() -> None:
    assert await ask("echo", text="ä\0🦀") == "ä\0🦀"


async def test_it_reads_what_comes_in_pieces() -> None:
    assert await ask_about("size", pieces(64)) == 64 << 20


async def test_its_answer_waits_for_no_pieces_that_it_does_not_read() -> None:
    async def endless() -> AsyncIterator[bytes]:
        async for piece in pieces(4):
            yield piece
        await asyncio.Event().wait()

    assert await ask_about("first", endless()) == "x"


async def test_what_hinders_the_pieces_is_told_as_it_is() -> None:
    for before in (0, 2):
        with pytest.raises(NotFound, match="gone"):
            await ask_about("size", pieces(before, NotFound("gone")))


async def test_a_refusal_is_told_in_its_words() -> None:
    with pytest.raises(InvalidRequest, match="it is not to my taste"):
        await ask("refuse")


async def test_what_a_library_prints_is_no_part_of_the_answer() -> None:
    assert await ask("print") == "quiet"


async def test_it_has_no_environment_and_no_path_to_our_folder() -> None:
    assert await ask("environment") == []


@pytest.mark.skipif(not can_filter(), reason="no system call filter on this machine")
@pytest.mark.parametrize("what", ["network", "unix socket", "program", "fork and program"])
async def test_it_reaches_nothing_outside(what: str) -> None:
    assert await ask(what) == "PermissionError"


async def test_it_writes_no_file_beyond_its_limit(tmp_path: Path) -> None:
    assert await ask("write", path=str(tmp_path / "small"), size=1000) == "written"
    assert await ask("write", path=str(tmp_path / "large"), size=1001) == "OSError"


async def test_too_much_memory_is_the_fault_of_what_was_read() -> None:
    with pytest.raises(InvalidRequest, match="more memory"):
        await ask("memory")


async def test_too_much_time_is_the_fault_of_what_was_read() -> None:
    with pytest.raises(InvalidRequest, match="longer than 1 s"):
        await ask("sleep", Limits(1.0))


async def test_a_crash_is_told_as_our_fault_and_its_last_words_only_to_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(ChildBroke, match="the log says why"):
        await ask("crash")
    assert "ZeroDivisionError" in caplog.text


async def test_cancelling_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "alive"
    await ends_when_cancelled(asyncio.create_task(ask("count", path=str(path))), path)


async def test_it_runs_in_the_interpreter_that_is_given() -> None:
    found = await run_confined(
        MODULE, {"do": "interpreter"}, FEW, python=Path(sys.executable), variables={"X": "1"}
    )
    assert found["said"] == [sys.executable, "1"]
