"""The running platform, as a user starts it: `undercroft up` in a process of its own."""

import atexit
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import openai
from botocore.config import Config

from undercroft.client_env import read_client_env

ROOT = Path(__file__).resolve().parents[2]
UNDERCROFT = str(Path(sys.executable).parent / "undercroft")
MODELS = ROOT / ".undercroft" / "models"
"""Where `make setup` exports the embedding model; exported once for all tests."""
_HANDED_OVER = "UNDERCROFT_TEST_PLATFORM"


_CONNECTIONS = httpx.Client()  # one for all clients of a run: none leaves a socket behind
atexit.register(_CONNECTIONS.close)


@dataclass(frozen=True)
class Credentials:
    access_key_id: str
    secret_access_key: str
    bearer: str

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> "Credentials":
        """From what the command line prints, or what stands in `client.env`."""
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY")
        return cls(*(variables[name] for name in names))


@dataclass(frozen=True)
class Platform:
    url: str
    data: Path
    owner: Credentials
    command: tuple[str, ...] = (UNDERCROFT,)
    """The command line, as it is called on this platform."""
    options: tuple[str, ...] = ()
    variables: Mapping[str, str] | None = None

    def handed_over(self, folder: Path) -> dict[str, str]:
        """The variables with which another test run drives this platform instead of its own."""
        file = folder / "platform.json"
        file.write_text(json.dumps({**asdict(self), "data": str(self.data)}))
        return {**os.environ, _HANDED_OVER: str(file)}

    def boto3(self, service: str, who: Credentials | None = None, **config: Any) -> Any:
        """A client as users make it, for the first tenant or another."""
        who = who or self.owner
        settings: dict[str, Any] = {"retries": {"total_max_attempts": 1}} | config
        return boto3.client(
            service,
            endpoint_url=self.url,
            aws_access_key_id=who.access_key_id,
            aws_secret_access_key=who.secret_access_key,
            region_name="us-east-1",
            config=Config(inject_host_prefix=False, **settings),
        )

    def openai(self, who: Credentials | None = None) -> openai.OpenAI:
        key = (who or self.owner).bearer
        return openai.OpenAI(
            base_url=f"{self.url}/v1", api_key=key, max_retries=0, http_client=_CONNECTIONS
        )

    def rest(self, who: Credentials | None = None) -> dict[str, str]:
        """Headers for /api/v1."""
        return {"authorization": f"Bearer {(who or self.owner).bearer}"}

    def keys(self, tenant: str, *options: str) -> Credentials:
        """New keys of a tenant, from the command line."""
        made = self.run("keys", "create", "--tenant", tenant, *options)
        return Credentials.of(dict(line.split("=", 1) for line in made.splitlines()))

    def run(self, *command: str) -> str:
        """`undercroft …` on this platform; raises on a status other than 0."""
        full = [*self.command, *command, *self.options]
        return subprocess.run(
            full, check=True, capture_output=True, text=True, env=self.variables
        ).stdout

    def environment(self) -> dict[str, str]:
        """What `source client.env` sets, for programs that a test starts."""
        return {**os.environ, **read_client_env(self.data / "client.env")}


def given_platform() -> Platform | None:
    """The one that another test run handed over to this."""
    file = os.environ.get(_HANDED_OVER)
    if file is None:
        return None
    fields = json.loads(Path(file).read_text())
    fields["owner"] = Credentials(**fields["owner"])
    return Platform(**{**fields, "data": Path(fields["data"])})


@contextmanager
def running_platform(
    data: Path, *, env: dict[str, str] | None = None, options: Sequence[str] = ()
) -> Iterator[Platform]:
    """Stopped with SIGTERM, as an operator would; it must then end by itself."""
    with started_platform(data, env=env, options=options) as (process, platform):
        try:
            yield platform
        finally:
            log = data / "platform.log"
            process.send_signal(signal.SIGTERM)
            try:
                assert process.wait(30) == 0, log.read_text()
            except subprocess.TimeoutExpired:
                raise AssertionError(f"the platform did not stop:\n{log.read_text()}") from None


@contextmanager
def started_platform(
    data: Path, *, env: dict[str, str] | None = None, options: Sequence[str] = ()
) -> Iterator[tuple[subprocess.Popen[bytes], Platform]]:
    """Killed at the end, if it still runs: for tests that end it themselves."""
    command = [UNDERCROFT, "up", "--port", "0", *options]
    command += ["--data", str(data), "--models", str(MODELS)]
    data.mkdir(parents=True, exist_ok=True)
    log = data / "platform.log"
    before = (data / "client.env").stat().st_mtime_ns if (data / "client.env").exists() else 0
    with log.open("ab") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}
        )
    with process:
        try:
            yield process, _wait(process, data, log, before)
        finally:
            process.kill()


def _wait(
    process: subprocess.Popen[bytes], data: Path, log: Path, before: int, patience: float = 60
) -> Platform:
    deadline = time.monotonic() + patience
    file = data / "client.env"
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the platform ended at its start:\n{log.read_text()}")
        if file.exists() and file.stat().st_mtime_ns != before:
            env = read_client_env(file)
            owner = Credentials.of(env)
            return Platform(env["UNDERCROFT_URL"], data, owner, options=("--data", str(data)))
        time.sleep(0.05)
    raise AssertionError(f"the platform did not start in time:\n{log.read_text()}")
