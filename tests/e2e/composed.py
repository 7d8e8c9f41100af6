"""`docker compose` on a project of its own."""

import os
import subprocess
from pathlib import Path
from uuid import uuid4

from tests.support.compose import ROOT
from tests.support.servers import free_port

START_SECONDS = 300


class Composed:
    """Containers that nothing else uses, with new secrets; `down` leaves nothing of them."""

    def __init__(self, secrets: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.variables = {
            **os.environ,
            "COMPOSE_PROJECT_NAME": f"undercroft-test-{uuid4().hex[:8]}",
            "COMPOSE_FILE": str(ROOT / "docker-compose.yml"),
            "UNDERCROFT_SECRETS": str(secrets),
            "UNDERCROFT_PUBLISH": f"127.0.0.1:{port}",
        }

    def run(self, *command: str, check: bool = True) -> str:
        """What `docker compose …` prints; raises on a status other than 0 if `check`."""
        done = subprocess.run(
            ["docker", "compose", *command],
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr[-4000:]
        return done.stdout

    def up(self) -> None:
        self.run("up", "--build", "--detach", "--wait", "--wait-timeout", str(START_SECONDS))

    def down(self) -> None:
        self.run("down", "--volumes", "--timeout", "60", check=False)
