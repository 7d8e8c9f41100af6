"""docker-compose.yml configures what exists, publishes one port, and leaves no container soft."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pydantic_settings import BaseSettings

from gateway.settings import GatewaySettings
from services.generation.settings import GenerationProcessSettings
from services.search.settings import SearchProcessSettings
from tests.support.compose import FILE, compose_file
from undercroft.commands.common import GatewayEnvironment
from undercroft.commands.secret_files import secret_files
from workers.settings import WorkerSettings

COMPOSE = compose_file()
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SETTINGS: dict[str, type[BaseSettings]] = {
    "gateway": GatewaySettings,
    "search": SearchProcessSettings,
    "generation": GenerationProcessSettings,
    "worker": WorkerSettings,
    "dispatcher": WorkerSettings,
}
OURS = pytest.mark.parametrize("name", SETTINGS)
EACH = pytest.mark.parametrize("name", SERVICES)
MOUNTED = re.compile(r"/run/secrets/([\w.]+)")


def targets(name: str) -> dict[str, str]:
    """The secrets of a service: the file's name in the container, and the secret behind it."""
    mounts = (
        {"source": mount, "target": mount} if isinstance(mount, str) else mount
        for mount in SERVICES[name].get("secrets", ())
    )
    return {mount["target"]: mount["source"] for mount in mounts}


def fields(name: str) -> set[str]:
    """Each setting as a secret file is named; in capitals it is the variable."""
    prefix = SETTINGS[name].model_config["env_prefix"].lower()
    return {prefix + field for field in SETTINGS[name].model_fields}


def test_the_services_are_the_processes_and_their_stores() -> None:
    assert set(SERVICES) == {*SETTINGS, "postgres", "redis", "qdrant"}


@OURS
def test_every_variable_and_secret_is_a_setting(name: str) -> None:
    variables = {variable.lower() for variable in SERVICES[name].get("environment", {})}
    secrets = set(targets(name)) - {"master_key"}
    assert variables | secrets <= fields(name)


@OURS
def test_what_a_process_cannot_start_without_is_given(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its settings are built here from the very variables and files that its container has."""
    made = by_secret()
    for target, source in targets(name).items():
        (tmp_path / target).write_text(made[source])
    for variable, text in SERVICES[name].get("environment", {}).items():
        monkeypatch.setenv(variable, re.sub(r"\$\{\w+:-(.*)\}", r"\1", text))
    built = SETTINGS[name](_secrets_dir=str(tmp_path))
    assert str(built.model_dump()["master_key_file"]) == "/run/secrets/master_key"
    assert "master_key" in targets(name)


def test_declared_servers_are_told_to_gateway_and_generation_at_once() -> None:
    for name in ("gateway", "generation"):
        assert SERVICES[name]["environment"][f"{name.upper()}_REPLICAS"] == "${REPLICAS:-}"


def by_secret() -> dict[str, str]:
    """The text that `undercroft secrets` makes for each secret of the file."""
    made = secret_files()
    return {name: made[Path(secret["file"]).name] for name, secret in COMPOSE["secrets"].items()}


def test_undercroft_makes_every_secret_and_no_other() -> None:
    files = {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()}
    assert files == set(secret_files())


@EACH
def test_no_secret_is_in_the_environment(name: str) -> None:
    environment = SERVICES[name].get("environment", {})
    telling = [v for v in environment if re.search("PASSWORD|KEY|SECRET|TOKEN|DATABASE_URL", v)]
    assert [v for v in telling if not v.endswith("_FILE")] == []


@EACH
def test_every_secret_that_a_command_reads_is_mounted(name: str) -> None:
    asked = MOUNTED.findall(
        str(SERVICES[name].get("command")) + str(SERVICES[name].get("environment"))
    )
    assert set(asked) <= set(targets(name))


def test_only_the_gateway_publishes_a_port_and_only_to_this_machine() -> None:
    assert [name for name in SERVICES if "ports" in SERVICES[name]] == ["gateway"]
    assert SERVICES["gateway"]["ports"] == ["${UNDERCROFT_PUBLISH:-127.0.0.1:8000}:8000"]


def test_stores_are_reached_only_from_a_network_without_a_way_out() -> None:
    for store in ("postgres", "redis", "qdrant"):
        assert SERVICES[store]["networks"] == ["data"]
    assert COMPOSE["networks"]["data"] == COMPOSE["networks"]["app"] == {"internal": True}
    outside = {name for name in SERVICES if {"edge", "egress"} & set(SERVICES[name]["networks"])}
    assert outside == {"gateway", "generation"}


@EACH
def test_every_container_is_hardened(name: str) -> None:
    service = SERVICES[name]
    assert int(service["user"].split(":")[0]) > 0
    assert service["read_only"] is True
    assert service["init"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(
        {"noexec", "nosuid"} <= set(mount.split(":")[1].split(",")) for mount in service["tmpfs"]
    )
    assert set(service["deploy"]["resources"]["limits"]) >= {"memory", "pids"}
    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert service["stop_grace_period"]
    assert not {"privileged", "cap_add", "pid", "ipc", "network_mode", "devices"} & set(service)


@OURS
def test_our_containers_run_as_the_image_s_user(name: str) -> None:
    assert SERVICES[name]["user"] == "10001:10001"


def test_volumes_are_named_and_declared() -> None:
    mounted = {mount.split(":")[0] for s in SERVICES.values() for mount in s.get("volumes", ())}
    assert mounted == set(COMPOSE["volumes"])


@EACH
def test_images_are_pinned(name: str) -> None:
    tag = SERVICES[name]["image"].split(":", 1)[1]
    assert re.search(r"\d", tag)
    assert "latest" not in tag


def test_qdrant_is_new_enough_for_the_client() -> None:
    tag = SERVICES["qdrant"]["image"].split(":v")[1]
    assert tuple(int(part) for part in tag.split("-")[0].split(".")[:2]) >= (1, 20)


def test_redis_keeps_its_messages() -> None:
    command = " ".join(SERVICES["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command


def test_a_stop_waits_longer_than_a_process_drains() -> None:
    drains = {name: kind.model_fields["drain"].default for name, kind in SETTINGS.items()}
    for name, seconds in drains.items():
        assert int(SERVICES[name]["stop_grace_period"].rstrip("s")) > seconds


def test_the_dispatcher_counts_the_workers_children() -> None:
    fleet = SERVICES["dispatcher"]["environment"]["WORKER_FLEET"]
    assert fleet == SERVICES["worker"]["environment"]["WORKER_CONCURRENCY"]


def test_commands_in_the_gateway_s_container_read_the_gateway_s_settings() -> None:
    """`docker compose exec gateway undercroft keys create …` needs no option."""
    assert (
        GatewayEnvironment.model_config["env_prefix"] == GatewaySettings.model_config["env_prefix"]
    )
    for name, field in GatewayEnvironment.model_fields.items():
        theirs = GatewaySettings.model_fields[name]
        assert theirs.is_required() or theirs.default == field.default


@pytest.mark.skipif(shutil.which("docker") is None, reason="there is no `docker` command")
def test_a_swarm_takes_the_same_file() -> None:
    command = ["docker", "stack", "config", "--compose-file", str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
