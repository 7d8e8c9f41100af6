"""The platform as separate processes on this machine, each started as its container starts it."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.support.platform import MODELS, ROOT, Credentials, Platform
from tests.support.servers import free_port

START_SECONDS = 60.0
STOP_SECONDS = 30.0


@dataclass
class Process:
    """One of the platform's processes; `start` it again after it ended."""

    name: str
    module: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    url: str = ""
    popen: subprocess.Popen[bytes] | None = None
    seconds_to_ready: float = field(default=0.0, init=False)

    def start(self) -> None:
        began = time.monotonic()
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", *self.module],
                env={**clean_environment(), **self.environment},
                stdout=log,
                stderr=log,
                cwd=ROOT,
                start_new_session=True,
            )
        while not self._is_ready():
            assert self.popen.poll() is None, self.said()
            assert time.monotonic() - began < START_SECONDS, self.said()
            time.sleep(0.05)
        self.seconds_to_ready = time.monotonic() - began

    def kill(self) -> None:
        """The process and its children, without a warning."""
        assert self.popen is not None
        os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()

    def terminate(self) -> tuple[int, float]:
        """Its exit status after SIGTERM, and the seconds that it took."""
        assert self.popen is not None
        began = time.monotonic()
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(STOP_SECONDS), time.monotonic() - began

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    @property
    def pulse(self) -> Path:
        return self.folder / f"{self.name}.pulse"

    @property
    def resident(self) -> int:
        """MiB of memory in this process and its children."""
        assert self.popen is not None
        listed = subprocess.run(
            ["ps", "-o", "rss=", "-s", str(self.popen.pid)], capture_output=True, text=True
        ).stdout
        return sum(int(line) for line in listed.split()) // 1024

    def said(self) -> str:
        return f"{self.name}:\n{self.log.read_text()[-4000:]}"

    def _is_ready(self) -> bool:
        if not self.url:
            return self.pulse.exists()
        return answer(f"{self.url}/livez") == 200


@dataclass(frozen=True)
class Fleet:
    """Every process by its name, and the clients of the gateway."""

    processes: Mapping[str, Process]
    platform: Platform

    def __getitem__(self, name: str) -> Process:
        return self.processes[name]

    def said(self) -> str:
        return "\n".join(process.said() for process in self.processes.values())


def clean_environment() -> dict[str, str]:
    """This process's, without what a developer may have set for a platform of theirs."""
    ours = ("GATEWAY_", "SEARCH_", "GENERATION_", "WORKER_", "AWS_", "OPENAI_")
    return {name: text for name, text in os.environ.items() if not name.startswith(ours)}


def answer(url: str) -> int:
    """The status that a GET is answered with; 0 where nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=3) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return 0


def environments(
    folder: Path, postgres: str, redis: str, shared: Mapping[str, str] | None = None
) -> dict[str, dict[str, str]]:
    """The variables of each process; `shared` are those that all have, without their prefix.

    All share a database, a broker, a secret and the objects: in a folder, unless `shared` says.
    """
    shared = {"OBJECTS": str(folder / "objects"), **(shared or {})}
    key = folder / "master.key"
    key.write_text(secrets.token_hex(32))
    ports = {name: str(free_port()) for name in ("gateway", "search", "generation")}
    store = {"DATABASE_URL": postgres, "BROKER_URL": redis, "MASTER_KEY_FILE": str(key)}
    listen = {"HOST": "127.0.0.1", "MASTER_KEY_FILE": str(key)}
    audit = {"AUDIT_HEADS": str(folder / "audit" / "heads")}
    stored = {**store, **shared}
    search = {"SEARCH_URL": f"http://127.0.0.1:{ports['search']}"}
    generation = {"GENERATION_URL": f"http://127.0.0.1:{ports['generation']}"}
    services = {**search, **generation}
    index = {"FOLDER": str(folder / "search"), "EXPORTED_MODELS": str(MODELS)}
    plain = {
        "gateway": {**listen, **stored, **audit, **services, "REDIS_URL": redis},
        "search": {**listen, **stored, **audit, **generation, **index},
        "generation": {**listen, **stored, **audit, "FOLDER": str(folder / "generation")},
        "worker": {
            **stored,
            **services,
            "REDIS_URL": redis,
            "LEASE": "4",
            "PULSE": str(folder / "worker.pulse"),
        },
        "dispatcher": {**store, "PULSE": str(folder / "dispatcher.pulse")},
    }
    prefixes = {"dispatcher": "WORKER"}
    return {
        name: {
            f"{prefixes.get(name, name.upper())}_{field}": text
            for field, text in (fields | {"PORT": ports[name]} if name in ports else fields).items()
        }
        for name, fields in plain.items()
    }


@contextmanager
def running_fleet(
    folder: Path,
    postgres: str,
    redis: str,
    objects: Mapping[str, str] | None = None,
    models: Path | None = None,
) -> Iterator[Fleet]:
    """Every process started and ready; each must end by itself when it is told to.

    `objects` are the settings, without a prefix, of where objects are; a folder if not given.
    `models` is the folder of model files; the platform's own if not given.
    """
    modules = {
        "generation": ("services.generation",),
        "search": ("services.search",),
        "gateway": ("gateway",),
        "dispatcher": ("workers", "dispatcher"),
        "worker": ("workers", "worker"),
    }
    own_models = {} if models is None else {"MODELS": str(models)}
    told = environments(folder, postgres, redis, {**(objects or {}), **own_models})
    processes = {
        name: Process(name, module, told[name], folder, _url(name, told[name]))
        for name, module in modules.items()
    }
    try:
        for process in processes.values():
            process.start()
        gateway = processes["gateway"]
        # As in the gateway's container: its variables, and commands without options.
        inside = {**clean_environment(), **gateway.environment}
        nobody = Platform(gateway.url, folder, Credentials("", "", ""), variables=inside)
        yield Fleet(processes, replace(nobody, owner=nobody.keys("acme")))
    finally:
        for process in processes.values():
            if process.popen is not None and process.popen.poll() is None:
                process.kill()


def figures(fleet: Fleet) -> str:
    """Seconds to ready and MiB of each process, as JSON."""
    return json.dumps(
        {
            name: {"seconds": round(process.seconds_to_ready, 2), "mib": process.resident}
            for name, process in fleet.processes.items()
        }
    )


def _url(name: str, environment: Mapping[str, str]) -> str:
    port = environment.get(f"{name.upper()}_PORT")
    return f"http://127.0.0.1:{port}" if port else ""
