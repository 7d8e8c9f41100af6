"""docker-compose.s3.yml: what keeps objects keeps them in the S3, and can reach it."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from kit.settings import ObjectsSettings
from tests.architecture.test_compose import SETTINGS
from tests.support.compose import FILE, ROOT, compose_file

OVERLAY = ROOT / "docker-compose.s3.yml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(OVERLAY.read_text())["services"]
KEEPERS = [
    name for name, s in compose_file()["services"].items() if "objects" in str(s.get("volumes"))
]
GIVEN = {"OBJECTS": "s3://my-bucket/undercroft", "OBJECTS_ENDPOINT": "http://minio:9000"}
VARIABLE = re.compile(r"\$\{(\w+)(?::[-?]([^}]*))?\}")


def test_it_is_for_every_process_that_has_the_volume_of_objects() -> None:
    assert sorted(SERVICES) == sorted(KEEPERS)


@pytest.mark.parametrize("name", SERVICES)
def test_a_process_is_told_of_the_s3_and_has_a_way_to_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = SETTINGS[name].model_config["env_prefix"]
    for mount in SERVICES[name]["secrets"]:
        (tmp_path / mount["target"]).write_text(mount["source"])
    for variable, text in SERVICES[name]["environment"].items():
        filled = VARIABLE.sub(lambda match: GIVEN.get(match[1], match[2]), text)
        monkeypatch.setenv(variable, filled)
    monkeypatch.setenv(f"{prefix}DATABASE_URL", "sqlite://")
    monkeypatch.setenv(f"{prefix}BROKER_URL", "redis://")
    built = SETTINGS[name](_secrets_dir=str(tmp_path))
    assert isinstance(built, ObjectsSettings)
    assert built.objects == GIVEN["OBJECTS"]
    assert str(built.objects_endpoint) == GIVEN["OBJECTS_ENDPOINT"] + "/"
    assert built.objects_access_key_id is not None
    assert built.objects_access_key_id.get_secret_value() == "objects_access_key_id"
    networks = compose_file()["services"][name]["networks"] + SERVICES[name].get("networks", [])
    assert "egress" in networks


@pytest.mark.skipif(shutil.which("docker") is None, reason="there is no `docker` command")
def test_a_swarm_takes_both_files() -> None:
    files = ["--compose-file", str(FILE), "--compose-file", str(OVERLAY)]
    done = subprocess.run(
        ["docker", "stack", "config", *files],
        env={**os.environ, **GIVEN},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
