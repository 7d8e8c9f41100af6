"""Stands between the platform and one server: keeps its log short and leaves nothing of it behind.

`guard.py LOG BYTES FOLDER GRACE COMMAND…` runs the command in its own process group. It ends the
server once its standard input ends, which happens also when the platform is killed; the kernel
ends the server should the guard itself be killed. FOLDER is removed at the end. Run by `python -I`:
nothing but the standard library is imported here.
"""

import ctypes
import fcntl
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from io import FileIO
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_CHUNK = 65536
KILLED = "The server was killed by signal "
"""How the line begins that says so: this process dies by a signal itself, and cannot pass it on."""


class Log:
    """A file and the one before it, each of at most so many bytes; locked, so that it stays."""

    def __init__(self, path: Path, limit: int) -> None:
        self._path, self._limit = path, limit
        self._file = self._open()

    def write(self, part: bytes) -> None:
        if self._file.tell() + len(part) > self._limit:
            self._file.close()
            with suppress(FileNotFoundError):  # somebody removed it, and the server lives on
                self._path.replace(self._path.with_suffix(".1.log"))
            self._file = self._open()
        self._file.write(part)

    def _open(self) -> FileIO:
        file = FileIO(self._path, "a")
        fcntl.flock(file, fcntl.LOCK_SH)
        return file


def main(log: str, limit: str, folder: str, grace: str, *command: str) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _ignore)  # not SIG_IGN, which the server would inherit
    kept = Log(Path(log), int(limit))
    server = subprocess.Popen(  # noqa: S603 (the launcher's own arguments)
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=_die_with_parent,  # safe: this process has one thread
    )
    try:
        watch(server, kept, float(grace))
        note_signal(server, kept)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.killpg(0, signal.SIGKILL)  # what the server started, and this process


def watch(server: subprocess.Popen[bytes], log: Log, grace: float) -> None:
    """Until the server has ended, which it is told to once nobody holds our standard input."""
    assert server.stdout is not None  # noqa: S101
    output, ended = server.stdout.fileno(), os.pidfd_open(server.pid)
    poll = select.poll()
    for descriptor in (0, output, ended):
        poll.register(descriptor, select.POLLIN)
    deadline: float | None = None
    while True:
        left = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
        ready = {descriptor for descriptor, _ in poll.poll(left)}
        if output in ready and not _copy(output, log):
            poll.unregister(output)
        elif ended in ready or (deadline is not None and not ready):
            return
        if 0 in ready and not os.read(0, _CHUNK):
            poll.unregister(0)
            server.terminate()
            deadline = time.monotonic() + grace


def note_signal(server: subprocess.Popen[bytes], log: Log) -> None:
    """Says in the log which signal ended the server, if one did: it could not say so itself."""
    number = -(server.poll() or 0)
    if number > 0:
        log.write(f"\n{KILLED}{number}\n".encode())


def _copy(output: int, log: Log) -> bool:
    part = os.read(output, _CHUNK)
    log.write(part)
    return bool(part)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _ignore(*_: object) -> None:
    """A signal that was sent to the whole group."""


if __name__ == "__main__":
    main(*sys.argv[1:])
