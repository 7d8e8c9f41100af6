"""A process that lacks what it needs says so in one line and ends; it shows no secret."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.platform import ROOT
from tests.support.processes import clean_environment, environments
from tests.support.servers import free_port

NOWHERE = "postgresql+psycopg://undercroft:hunter2hunter2@127.0.0.1:1/undercroft"
MODULES = {
    "gateway": ["gateway"],
    "search": ["services.search"],
    "generation": ["services.generation"],
    "worker": ["workers", "worker"],
    "dispatcher": ["workers", "dispatcher"],
}


def ended(name: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *MODULES[name]],
        env={**clean_environment(), **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("name", MODULES)
def test_without_a_master_secret_nothing_starts(name: str, tmp_path: Path) -> None:
    told = environments(tmp_path, NOWHERE, f"redis://127.0.0.1:{free_port()}/0")[name]
    (tmp_path / "master.key").unlink()
    done = ended(name, told)
    assert done.returncode == 1
    assert "There is no master secret at" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", MODULES)
def test_a_broken_master_secret_is_refused_and_not_shown(name: str, tmp_path: Path) -> None:
    told = environments(tmp_path, NOWHERE, f"redis://127.0.0.1:{free_port()}/0")[name]
    (tmp_path / "master.key").write_text("hunter2hunter2")
    done = ended(name, told)
    assert (done.returncode, "holds no master secret" in done.stderr) == (1, True)
    assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["gateway", "search", "worker", "dispatcher"])
def test_an_empty_environment_is_refused_with_the_name_of_what_is_missing(name: str) -> None:
    done = ended(name, {})
    prefix = "WORKER" if name == "dispatcher" else name.upper()
    assert (done.returncode, f"{prefix}_DATABASE_URL" in done.stderr) == (1, True)
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_wrong_setting_is_named_and_its_value_is_not(tmp_path: Path) -> None:
    told = environments(tmp_path, NOWHERE, "redis://127.0.0.1:1/0")["gateway"]
    done = ended("gateway", {**told, "GATEWAY_PORT": "hunter2"})
    assert (done.returncode, "GATEWAY_PORT" in done.stderr) == (1, True)
    assert "hunter2" not in done.stderr
