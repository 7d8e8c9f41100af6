"""docker-compose.yml as data, and whether an engine is here that could run it."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"


def compose_file() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return loaded


def why_not() -> str:
    """Why nothing can be composed on this machine; empty where it can."""
    if shutil.which("docker") is None:
        return "there is no `docker` command"
    for command, lack in (
        (["docker", "info"], "no Docker engine answers"),
        (["docker", "compose", "version"], "Docker has no compose plugin"),
    ):
        if subprocess.run(command, capture_output=True, check=False).returncode != 0:
            return lack
    return ""
