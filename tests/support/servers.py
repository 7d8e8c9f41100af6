"""Finds and runs a real PostgreSQL and a real Redis on free ports, in folders of their own."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from typing_extensions import override

START_SECONDS = 30.0


def find_postgres() -> Path | None:
    """The folder of `initdb` and `postgres`, the newest version first."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    on_path = shutil.which("postgres")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


def find_redis() -> Path | None:
    found = shutil.which("redis-server")
    return Path(found) if found else None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class _Server:
    """One server process in a temporary folder; a context manager that leaves nothing behind."""

    def __init__(self, name: str) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix=f"undercroft-{name}-", dir="/tmp"))
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill(signal.SIGINT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        raise NotImplementedError

    def kill(self, number: int = signal.SIGKILL) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(START_SECONDS)
            self.process = None

    def _launch(self, command: list[str], answers: Callable[[], bool], **how: Any) -> None:
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True, **how
            )
        until = time.monotonic() + START_SECONDS
        while not answers():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError((self.folder / "server.log").read_text()[-2000:])
            time.sleep(0.05)


class PostgresServer(_Server):
    """`url` is SQLAlchemy's. Runs as `postgres` or `nobody` when started by root.

    Not `durable`: a COMMIT outlives every death of its processes, but not the machine's.
    """

    def __init__(self, *, durable: bool = False) -> None:
        super().__init__("postgres")
        binaries = find_postgres()
        if binaries is None:
            raise RuntimeError("PostgreSQL is not installed; run tests/support/install_servers.sh")
        self._binaries = binaries
        self._fsync = "on" if durable else "off"
        self._data = self.folder / "data"
        self._as: dict[str, Any] = _unprivileged(self.folder)
        self._run("initdb", "-D", str(self._data), "-U", "test", "-A", "trust", "--no-sync")
        self.url = f"postgresql+psycopg://test@127.0.0.1:{self.port}/postgres"

    @override
    def start(self) -> None:
        command = [str(self._binaries / "postgres"), "-D", str(self._data)]
        for option in (
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={self.folder}",
            "max_connections=100",
            f"fsync={self._fsync}",
        ):
            command += ["-c", option]
        self._launch(command, self._answers, cwd=self.folder, **self._as)

    def restart_at_once(self) -> None:
        """As `pg_ctl restart -m immediate`: no goodbye, then recovery from the log."""
        self.kill(signal.SIGQUIT)
        self.start()

    def create_database(self, name: str) -> str:
        """The URL of a new, empty database."""
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "test", name)
        return self.url.rsplit("/", 1)[0] + f"/{name}"

    def _answers(self) -> bool:
        check = [str(self._binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(check, check=False).returncode == 0

    def _run(self, tool: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._binaries / tool), *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self.folder,
            **self._as,
        )


class RedisServer(_Server):
    """Keeps nothing on disk: a restart is empty."""

    def __init__(self) -> None:
        super().__init__("redis")
        binary = find_redis()
        if binary is None:
            raise RuntimeError("Redis is not installed; run tests/support/install_servers.sh")
        self._binary = binary
        self.url = f"redis://127.0.0.1:{self.port}/0"

    @override
    def start(self) -> None:
        command = [str(self._binary), "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--save", "", "--appendonly", "no", "--dir", str(self.folder)]
        self._launch(command, self._answers)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


def _version(folder: Path) -> float:
    try:
        return float(folder.parent.name)
    except ValueError:
        return 0.0


def _unprivileged(folder: Path) -> dict[str, Any]:
    """How to start a process that refuses to run as root, with `folder` given to its user."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
