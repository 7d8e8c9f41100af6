"""Reads in a server's log why it ended."""

import fcntl
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from services.generation.engines.launchers.guard import KILLED

_TAIL = 256 << 10
_LINES = 5
_LONGEST = 500
_KEPT = 8
_PREFIX = re.compile(r"^\(\S+ pid=\d+\) ")
_LOGGED = re.compile(r"^(?:ERROR|INFO|WARNING) \d\d-\d\d \d\d:\d\d:\d\d \[[^\]]*\] ?")
_ERROR = re.compile(
    r"^(?:(?:[\w.]+\.)?\w*(?:Error|Exception|OutOfMemory)\b: ?|  Value error, )\S.*"
)
_FROM_WITHOUT = (
    (rf"^{re.escape(KILLED)}9$", "killed by signal 9 (SIGKILL)"),
    (r"^Worker proc \S+ died unexpectedly \(exit code: (?:None|-9)\)", "a worker of it died"),
)
"""Ends that leave no time to say why; vLLM may see a worker's before its status: None."""
_SAYS_LITTLE = (
    "Engine core initialization failed",
    "WorkerProc initialization failed",
    "cancelled",
    "validation error for",  # what is wrong stands on the line after
)


def reason(log: Path) -> str:
    """What killed it, or the error that began its end, else its last lines; where the rest is."""
    lines = [_LOGGED.sub("", _PREFIX.sub("", line)) for line in _tail(log)]
    return f"vLLM ended: {_killed(lines) or _said(lines)} ({log})"


def _killed(lines: Sequence[str]) -> str:
    """Empty for all else, also for other signals: those follow errors that were logged."""
    for line, end in _FROM_WITHOUT:
        if any(re.match(line, one) for one in lines):
            return f"{end}, often for want of memory"
    return ""


def _said(lines: Sequence[str]) -> str:
    errors = [line for line in lines if _ERROR.match(line)]
    telling = [line for line in errors if not any(text in line for text in _SAYS_LITTLE)]
    if telling:
        return telling[0].strip()[:_LONGEST]
    last = " | ".join((errors or [line for line in lines if line.strip()])[-_LINES:])
    return last or "it was killed and said nothing"


def thin_out(folder: Path) -> None:
    """Keeps the logs of the last few copies, and those that a guard still writes."""
    logs = sorted(folder.glob("*.log"), key=lambda path: path.stat().st_mtime)
    for path in logs[:-_KEPT]:
        with suppress(BlockingIOError), path.open("rb") as log:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)


def _tail(log: Path) -> list[str]:
    if not log.exists():
        return []
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - _TAIL))
        return stream.read().decode(errors="replace").splitlines()
