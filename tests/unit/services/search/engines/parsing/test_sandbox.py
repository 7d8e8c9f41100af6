import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from kit.errors import InvalidRequest
from services.search.engines.parsing.limits import ParsingLimits
from services.search.engines.parsing.sandbox import SandboxedParser


@pytest_asyncio.fixture
async def parser() -> AsyncIterator[SandboxedParser]:
    made = SandboxedParser(ParsingLimits(seconds=2))
    yield made
    await made.close()


def children(pid: int) -> list[int]:
    listed = (task / "children" for task in Path(f"/proc/{pid}/task").iterdir())
    return [int(word) for task in listed for word in task.read_text().split()]


def fork_server() -> int:
    """The one child of this process that is a fork server."""
    (pid,) = [
        pid
        for pid in children(os.getpid())
        if b"fork_server" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    return pid


def forks() -> list[int]:
    return children(fork_server())


async def test_documents_parse_side_by_side_and_keep_apart(parser: SandboxedParser) -> None:
    texts = [f"document {n} " * (n + 1) for n in range(40)]
    documents = await asyncio.gather(*(parser.parse(text.encode(), name="a.txt") for text in texts))
    assert [document.text for document in documents] == texts


def user_ticks(pid: int) -> int:
    """What it has spent of the processor, in ticks of 10 ms; nothing once it has gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(stat.rpartition(")")[2].split()[11])


async def busy_forks(patience: float = 10.0) -> list[int]:
    """Those that are parsing, once one is: at least 50 ms of the processor spent on it."""
    deadline = time.perf_counter() + patience
    while time.perf_counter() < deadline:
        if busy := [pid for pid in forks() if user_ticks(pid) >= 5]:
            return busy
        await asyncio.sleep(0.02)
    raise AssertionError("no fork began to parse")


async def test_a_killed_fork_server_is_started_again(parser: SandboxedParser) -> None:
    await parser.parse(b"one", name="a.txt")
    os.kill(fork_server(), signal.SIGKILL)
    assert (await parser.parse(b"two", name="a.txt")).text == "two"


async def test_a_killed_fork_is_that_documents_failure(parser: SandboxedParser) -> None:
    await parser.parse(b"one", name="a.txt")
    parsing = asyncio.create_task(parser.parse(b"<div>" * 10**6, name="a.html"))
    for pid in await busy_forks():
        os.kill(pid, signal.SIGSEGV)
    with pytest.raises(InvalidRequest, match="the parser crashed on it"):
        await parsing
    assert (await parser.parse(b"two", name="a.txt")).text == "two"


async def test_a_fork_that_evades_its_clock_is_ended_from_outside(parser: SandboxedParser) -> None:
    await parser.parse(b"one", name="a.txt")
    parsing = asyncio.create_task(parser.parse(b"<div>" * 10**6, name="a.html"))
    for pid in await busy_forks():
        os.kill(pid, signal.SIGSTOP)
    begin = time.perf_counter()
    with pytest.raises(InvalidRequest, match="took longer than 2 s"):
        await parsing
    assert time.perf_counter() - begin < 4
    assert (await parser.parse(b"two", name="a.txt")).text == "two"


async def test_an_abandoned_document_leaves_the_parser_usable(parser: SandboxedParser) -> None:
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await parser.parse(b"<div>" * 10**6, name="a.html")
    assert (await parser.parse(b"two", name="a.txt")).text == "two"


async def test_waiting_for_a_turn_does_not_count_as_parsing(parser: SandboxedParser) -> None:
    slow = [parser.parse(b"<div>" * 10**6, name="a.html") for _ in range(4)]
    outcomes = await asyncio.gather(
        *slow, parser.parse(b"last", name="a.txt"), return_exceptions=True
    )
    assert [str(outcome) for outcome in outcomes[:4]] == [
        "Parsing the document took longer than 2 s."
    ] * 4
    assert not isinstance(outcomes[4], BaseException)


async def test_closing_leaves_no_process_behind(parser: SandboxedParser) -> None:
    await parser.parse(b"one", name="a.txt")
    processes = [fork_server(), *forks()]
    await parser.close()
    await asyncio.sleep(0.1)
    for pid in processes:
        status = Path(f"/proc/{pid}/status")
        assert not status.exists() or "State:\tZ" in status.read_text()
