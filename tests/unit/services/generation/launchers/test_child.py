"""A server and its guard: it starts, it ends, and in no way does anything of it stay behind."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from kit.errors import Unavailable
from services.generation.engines.launchers import child as child_module
from services.generation.engines.launchers.child import Child
from services.generation.ports import EngineLimits
from services.generation.settings import VllmSettings
from tests.support.process_groups import members

SERVER = Path(__file__).with_name("server.py")
LIMITS = EngineLimits(100, 4, 2, 8)
Begin = Callable[..., Awaitable[Child]]


@pytest.fixture
async def begin(tmp_path: Path) -> AsyncIterator[Begin]:
    begun: list[Child] = []

    async def begin(manner: str = "", **options: object) -> Child:
        settings = VllmSettings(folder=tmp_path, vllm_drain=0, **options)
        child = Child("local.tiny", LIMITS, settings)
        begun.append(child)
        command = [sys.executable, str(SERVER), str(child.socket), *([manner] if manner else [])]
        await child.begin(command, {"PATH": os.environ["PATH"]})
        return child

    yield begin
    for child in begun:
        await child.stop()


def processes(child: Child) -> set[int]:
    """The living ones of its group: the guard, the server and what the server started."""
    assert child.guard is not None
    return members(child.guard.pid)


async def until_gone(child: Child) -> None:
    async with asyncio.timeout(10):
        while processes(child):
            await asyncio.sleep(0.02)


async def test_it_is_ready_once_its_socket_answers_and_a_stop_leaves_nothing(begin: Begin):
    child = await begin()
    replica = await child.ready()
    assert replica.socket is not None
    assert replica.socket.parent.stat().st_mode & 0o777 == 0o700
    assert len(processes(child)) == 3
    await child.stop()
    assert not processes(child)
    assert not child.scratch.exists()


async def test_its_context_is_what_it_found_room_for_and_the_log_says_what_raises_it(
    begin: Begin, caplog: pytest.LogCaptureFixture
):
    replica = await (await begin()).ready()
    assert replica.limits == EngineLimits(60, 4, 2, 8)
    (line,) = [one.getMessage() for one in caplog.records if "tokens" in one.getMessage()]
    assert "reads 60 tokens and not 100" in line
    assert "GENERATION_VLLM_CACHE_GIB" in line


async def test_one_that_ignores_sigterm_is_killed_with_what_it_started(begin: Begin, monkeypatch):
    monkeypatch.setattr(child_module, "_GRACE", 0.3)
    child = await begin("stubborn")
    await child.ready()
    await child.stop()
    assert not processes(child)


async def test_one_that_ignores_sigterm_is_gone_at_once_when_nothing_is_waited_for(begin: Begin):
    child = await begin("stubborn")
    await child.ready()
    async with asyncio.timeout(4):  # less than its grace
        await child.stop(at_once=True)
    assert not processes(child)
    assert not child.scratch.exists()


async def test_a_stop_that_is_cut_short_ends_it_at_once_and_tells_that_it_is_gone(begin: Begin):
    """Else whoever gave it accelerators would wait for them for ever."""
    child, told = await begin("stubborn"), list[set[int]]()
    child.when_gone(lambda: told.append(processes(child)))
    await child.ready()
    stopping = asyncio.create_task(child.stop())
    await asyncio.sleep(0.1)
    stopping.cancel()
    async with asyncio.timeout(4):  # less than its grace
        with pytest.raises(asyncio.CancelledError):
            await stopping
    assert told == [set()]
    assert not child.scratch.exists()


async def test_one_that_is_killed_takes_its_children_along(begin: Begin):
    child = await begin()
    await child.ready()
    server = min(processes(child) - {child.guard.pid})
    os.kill(server, signal.SIGKILL)
    assert "vLLM ended: killed by signal 9 (SIGKILL)" in await child.ended()
    await until_gone(child)


async def test_a_killed_guard_takes_the_server_along(begin: Begin):
    child = await begin()
    await child.ready()
    os.kill(child.guard.pid, signal.SIGKILL)
    await child.ended()
    await child.stop()
    assert not processes(child)


async def test_one_that_never_starts_says_the_error_that_began_its_end(begin: Begin):
    child = await begin("broken")
    with pytest.raises(Unavailable, match="ValueError: no such layer"):
        await child.ready()
    await until_gone(child)


async def test_one_that_takes_too_long_is_given_up(begin: Begin):
    child = await begin(vllm_start_seconds=0.05)
    with pytest.raises(Unavailable, match="did not answer within"):
        await child.ready()


async def test_its_log_stays_short(begin: Begin, monkeypatch, tmp_path: Path):
    monkeypatch.setattr(child_module, "_LOG_BYTES", 100_000)
    child = await begin("talkative")
    await child.ready()
    await child.stop()
    logs = list((tmp_path / "logs").rglob("*.log"))
    assert len(logs) == 2
    assert all(0 < log.stat().st_size <= 100_000 for log in logs)


async def test_the_log_of_a_living_copy_stays_however_many_come_after_it(
    begin: Begin, tmp_path: Path
):
    quiet = await begin()
    replica = await quiet.ready()
    logs = tmp_path / "logs" / "local.tiny"
    os.utime(logs / f"{replica.id}.log", (0, 0))
    for number in range(20):
        (logs / f"crashed-{number}.log").touch()
    await begin()
    left = {log.name for log in logs.iterdir()}
    assert f"{replica.id}.log" in left
    assert len(left) <= 10


async def test_a_folder_that_cannot_be_made_is_no_start(begin: Begin, tmp_path: Path):
    (tmp_path / "logs").touch()
    with pytest.raises(Unavailable, match="cannot be started"):
        await begin()


async def test_it_sees_nothing_of_our_environment(begin: Begin, monkeypatch):
    monkeypatch.setenv("GENERATION_OPENAI_API_KEY", "secret")
    child = await begin()
    await child.ready()
    for process in processes(child):
        assert b"secret" not in Path(f"/proc/{process}/environ").read_bytes()
