"""Runs one piece of work on hostile bytes in a process of its own: JSON in, JSON out, then gone.

What it is asked is the first line of its stdin; bytes that need no file of their own come after it.

The child has no environment, no inherited descriptors, limits of memory, time and file size; it
opens no network and starts no program where the kernel can see to that. It runs in whatever
interpreter is given, so nothing but the standard library is imported here.
"""

import asyncio
import importlib
import json
import logging
import os
import resource
import signal
import sys
from collections.abc import AsyncIterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from kit.errors import InvalidRequest, Unavailable
from kit.system_calls import forbid_reaching_out

JsonObject: TypeAlias = dict[str, Any]

_log = logging.getLogger(__name__)
_ROOT = str(Path(__file__).resolve().parents[1])
_BOOT = "import sys; sys.path.append(sys.argv[1]); from kit.confined import serve; serve()"
_MOST_ANSWER = 64 << 20
_TOLD = 8  # the last lines of its log that are worth keeping


@dataclass(frozen=True, slots=True)
class Limits:
    """`memory_bytes` is of address space; None leaves it to the machine."""

    seconds: float
    file_bytes: int = 0
    memory_bytes: int | None = None


class ChildBroke(Unavailable):
    """It ended without an answer, for a reason that is not in what it was given."""


class ChildTooSlow(InvalidRequest):
    """It was ended: what it was given is too much, or the machine too slow."""


async def run_confined(
    module: str,
    ask: JsonObject,
    limits: Limits,
    *,
    body: AsyncIterable[bytes] | None = None,
    python: Path | None = None,
    variables: Mapping[str, str] | None = None,
    reaches_out: bool = False,
) -> JsonObject:
    """What `module.answer(ask)` returns; cancelling ends the process.

    The module finds `body` in `sys.stdin.buffer`, and need not read it all; the caller closes it.
    `reaches_out` lets it use the network: only for modules that read nothing hostile.

    Raises InvalidRequest for what the module refuses (a ValueError's words) and for what needs too
    much memory, ChildTooSlow for what takes too long; ChildBroke for every other end; and what the
    body raises.
    """
    process = await asyncio.create_subprocess_exec(
        *(str(python or sys.executable), "-I", "-X", "utf8", "-c", _BOOT, _ROOT),
        *(module, json.dumps({**asdict(limits), "reaches_out": reaches_out})),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(variables or {}),
        cwd="/",
        start_new_session=True,
        limit=_MOST_ANSWER,
    )
    assert process.stdin is not None  # noqa: S101 (made with pipes)
    telling = asyncio.create_task(_tell(process.stdin, ask, body), name=f"telling {module}")
    try:
        async with asyncio.timeout(limits.seconds + 5):
            answer, log = await _heard(process)
    except TimeoutError as error:
        raise ChildTooSlow(_too_long(limits)) from error
    finally:
        telling.cancel()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await asyncio.gather(telling, process.wait(), return_exceptions=True)
    if not telling.cancelled():
        telling.result()
    return _read(answer, log, process.returncode or 0, limits)


async def _tell(
    child: asyncio.StreamWriter, ask: JsonObject, body: AsyncIterable[bytes] | None
) -> None:
    try:
        is_open = await _is_taken(child, json.dumps(ask).encode() + b"\n")
        if body is not None and is_open:
            async for piece in body:
                if not await _is_taken(child, piece):
                    return
    finally:
        child.close()


async def _is_taken(child: asyncio.StreamWriter, piece: bytes) -> bool:
    """False where it reads no more; its end tells why."""
    try:
        child.write(piece)
        await child.drain()
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


async def _heard(child: asyncio.subprocess.Process) -> tuple[bytes, bytes]:
    """All that it says until it ends."""
    assert child.stdout is not None  # noqa: S101 (made with pipes)
    assert child.stderr is not None  # noqa: S101
    said, log, _ = await asyncio.gather(child.stdout.read(), child.stderr.read(), child.wait())
    return said, log


def serve() -> None:
    """In the child: libraries are loaded first, and nothing of what it is asked is read before."""
    module = importlib.import_module(sys.argv[2])
    limits = json.loads(sys.argv[3])
    _confine(limits)
    if not limits["reaches_out"]:
        with suppress(OSError):  # where no filter is known, the limits stay
            forbid_reaching_out()
    out = os.dup(1)
    os.dup2(2, 1)  # libraries print
    try:
        said = {"answer": module.answer(json.loads(sys.stdin.buffer.readline()))}
    except ValueError as error:
        said = {"refused": str(error)}
    except MemoryError:
        said = {"memory": True}
    with os.fdopen(out, "w") as answer:
        json.dump(said, answer)


def _confine(limits: JsonObject) -> None:
    cpu = int(limits["seconds"]) * (os.cpu_count() or 1) + 1
    bounds = [
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_CORE, 0),
    ]
    if limits["memory_bytes"] is not None:
        bounds.append((resource.RLIMIT_AS, limits["memory_bytes"]))
    for name, value in bounds:
        resource.setrlimit(name, (value, value))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then writing too much is an OSError
    signal.setitimer(signal.ITIMER_REAL, limits["seconds"])


def _read(answer: bytes, log: bytes, status: int, limits: Limits) -> JsonObject:
    if status in (-signal.SIGALRM, -signal.SIGXCPU):
        raise ChildTooSlow(_too_long(limits))
    if status:
        last = log.decode(errors="replace").splitlines()[-_TOLD:]
        _log.error("a confined process ended with %d: %s", status, " ".join(last)[-500:])
        raise ChildBroke("The process that looks at it broke off; the log says why.")
    said = json.loads(answer)
    if "refused" in said:
        raise InvalidRequest(said["refused"])
    if "memory" in said:
        raise InvalidRequest("It needs more memory than may be spent on it.")
    found: JsonObject = said["answer"]
    return found


def _too_long(limits: Limits) -> str:
    return f"It took longer than {limits.seconds:g} s to look at."
