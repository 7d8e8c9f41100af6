"""Reads in a server's log why it ended."""

import fcntl
import re
from contextlib import suppress
from pathlib import Path

_TAIL = 256 << 10
_LINES = 5
_LONGEST = 500
_KEPT = 8
_PREFIX = re.compile(r"^\(\S+ pid=\d+\) ")
_LOGGED = re.compile(r"^(?:ERROR|INFO|WARNING) \d\d-\d\d \d\d:\d\d:\d\d \[[^\]]*\] ?")
_ERROR = re.compile(
    r"^(?:(?:[\w.]+\.)?\w*(?:Error|Exception|OutOfMemory)\b: ?|  Value error, )\S.*"
)
_SAYS_LITTLE = (
    "Engine core initialization failed",
    "WorkerProc initialization failed",
    "cancelled",
    "validation error for",  # what is wrong stands on the line after
)


def reason(log: Path) -> str:
    """The error that began its end, else its last lines, and where the rest is."""
    lines = [_LOGGED.sub("", _PREFIX.sub("", line)) for line in _tail(log)]
    errors = [line for line in lines if _ERROR.match(line)]
    telling = [line for line in errors if not any(text in line for text in _SAYS_LITTLE)]
    if telling:
        return f"vLLM ended: {telling[0].strip()[:_LONGEST]} ({log})"
    last = " | ".join((errors or [line for line in lines if line.strip()])[-_LINES:])
    return f"vLLM ended: {last or 'it was killed and said nothing'} ({log})"


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
