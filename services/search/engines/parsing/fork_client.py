"""The server's side of the fork server: starts it, hands it sockets, ends it with its forks."""

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from kit.errors import Unavailable
from services.search.engines.parsing.frames import CONFINED

_log = logging.getLogger(__name__)
_ROOT = str(Path(__file__).resolve().parents[4])
# Openpyxl would import numpy, whose threads do not survive a fork; nothing here needs it.
_BOOT = """
import sys
sys.path.append(sys.argv.pop(1))
sys.modules["numpy"] = None
from services.search.engines.parsing.fork_server import run
run()
"""
_START_SECONDS = 30.0


class ForkServer:
    """The child process that forks one process per document; started when first needed."""

    def __init__(self, limits: str) -> None:
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._spare: socket.socket | None = None
        self._starting = asyncio.Lock()

    async def ensure(self) -> None:
        """Starts the process unless it runs."""
        async with self._starting:
            if self._process is not None and self._process.poll() is None:
                return
            await self.stop()
            await self._start()

    def connect(self) -> socket.socket:
        """A socket whose other end a fork holds that no other document has or will have.

        The next one is forked at once, so that it waits for its document and not the reverse.
        """
        connection = self._spare or self._fork()
        self._spare = None
        self._spare = self._fork()
        return connection

    def _fork(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            try:
                if self._control is None:
                    raise ConnectionResetError
                socket.send_fds(self._control, [b"d"], [theirs.fileno()])
            except OSError as error:
                ours.close()
                raise ConnectionResetError("the parser's process is gone") from error
        return ours

    async def stop(self) -> None:
        """Ends the process and whatever it has forked."""
        process, ends = self._process, (self._control, self._spare)
        self._process = self._control = self._spare = None
        for end in ends:
            if end is not None:
                end.close()
        if process is not None:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.to_thread(process.wait)

    async def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.to_thread(_spawn, theirs.fileno(), self._limits)
        self._process, self._control = process, ours
        confined = await self._ready(ours)
        if not confined:
            _log.warning(
                "no system call filter on this machine: documents are parsed with limits of time "
                "and memory, but the parser could open files and sockets"
            )

    async def _ready(self, control: socket.socket) -> bool:
        """Waits until the libraries are loaded; says whether the system call filter works."""
        control.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_START_SECONDS):
                answer = await loop.sock_recv(control, 1)
        except TimeoutError:
            answer = b""
        if not answer:
            await self.stop()
            raise Unavailable("The document parser does not start; its log says why.")
        return answer == CONFINED


def _spawn(control: int, limits: str) -> subprocess.Popen[bytes]:
    """A fresh interpreter: no environment, no inherited descriptors, a process group of its own."""
    return subprocess.Popen(  # noqa: S603 (fixed arguments)
        [sys.executable, "-I", "-X", "utf8", "-c", _BOOT, _ROOT, str(control), limits],
        pass_fds=(control,),
        cwd="/",
        env={},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
