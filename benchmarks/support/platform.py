"""`undercroft up` under measurement: its process, and how long it took to be ready."""

import http.client
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.support.processes import ROOT, pinned, process
from undercroft.client_env import read_client_env

UNDERCROFT = ROOT / ".venv" / "bin" / "undercroft"
MODELS = ROOT / ".undercroft" / "models"
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Running:
    """`ready_after` is in seconds, from the start of the process to the first `/readyz` of 200."""

    port: int
    process: subprocess.Popen[bytes]
    variables: dict[str, str]
    ready_after: float


@contextmanager
def platform(
    data: Path, *, core: int | None = None, env: dict[str, str] | None = None
) -> Iterator[Running]:
    """A platform on a free port with its data in the folder, on one core if one is named."""
    port = free_port()
    command = [str(UNDERCROFT), "up", "--port", str(port), "--data", str(data)]
    command += ["--models", str(MODELS)]
    data.mkdir(parents=True, exist_ok=True)
    file = data / "platform.log"
    with file.open("ab") as log:
        began = time.perf_counter()
        started = command if core is None else pinned(core, command)
        with process(started, env=env, log=log) as running:
            _wait(port, running, file)
            took = time.perf_counter() - began
            yield Running(port, running, read_client_env(data / "client.env"), took)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait(port: int, running: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and running.poll() is None:
        if _is_ready(port):
            return
        time.sleep(0.01)
    raise RuntimeError(f"the platform did not start: {log.read_text()[-1000:]}")


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
