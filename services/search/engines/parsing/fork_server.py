"""A small clean process that forks one confined process per document, and tells how each ended.

It never sees a document: it receives the document's socket, forks, and closes it once the fork
has ended. So no two documents share memory, whoever owns them, and a fork costs about 2 ms where
a fresh interpreter with its libraries costs half a second.
"""

import contextlib
import gc
import json
import os
import selectors
import signal
import socket
import sys

from services.search.engines.parsing import child
from services.search.engines.parsing.confinement import can_filter, forbid_system_calls
from services.search.engines.parsing.frames import CONFINED, UNCONFINED, pack
from services.search.engines.parsing.limits import ParsingLimits

_HIGHEST_DESCRIPTOR = 1024


def main(control: socket.socket, limits: ParsingLimits) -> None:
    """Serves until the other end of `control` closes."""
    child.preload()
    gc.collect()
    gc.freeze()  # forks share these pages as long as the collector leaves them alone
    confine = _can_confine()
    woken, wake = socket.socketpair()
    for end in (woken, wake):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    control.sendall(CONFINED if confine else UNCONFINED)
    running: dict[int, int] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if woken in ready:
                woken.recv(4096)
                _reap(running)
            if control in ready:
                _, received, _, _ = socket.recv_fds(control, 1, 1)
                if not received:
                    return
                running[_fork(received[0], limits, confine=confine)] = received[0]


def _fork(connection: int, limits: ParsingLimits, *, confine: bool) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(connection, 0)
        os.dup2(1, 2)  # libraries print what they read
        os.closerange(3, _HIGHEST_DESCRIPTOR)  # the control socket, other documents' sockets
        child.serve_document(0, limits, confine=confine)
        status = 0
    except (EOFError, BrokenPipeError, ConnectionResetError):
        status = 0  # the server no longer wants the answer
    finally:
        os._exit(status)


def _reap(running: dict[int, int]) -> None:
    """Tells the server how each ended fork ended: after an answer it is not read any more."""
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        connection = running.pop(pid)
        with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            os.set_blocking(connection, False)
            os.write(connection, pack({"ended": os.waitstatus_to_exitcode(status)})[0])
        os.close(connection)


def _can_confine() -> bool:
    if not can_filter():
        return False
    pid = os.fork()
    if pid == 0:
        try:
            forbid_system_calls()
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def run() -> None:
    """Entry of the process: its arguments are the control socket's descriptor and the limits."""
    limits = ParsingLimits(**json.loads(sys.argv[2]))
    main(socket.socket(fileno=int(sys.argv[1])), limits)
