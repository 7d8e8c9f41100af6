"""docker-compose.vllm.yml: models that only the generation service reaches, and none is soft."""

import json
import re
from typing import Any

import pytest
import yaml

from gateway.settings import GatewaySettings
from gateway.standalone import known_models
from services.generation.app import catalogue
from services.generation.settings import GenerationSettings
from tests.support.compose import ROOT, compose_file

OVERLAY: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.vllm.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = OVERLAY["services"]
PROFILES = {"gpu": "vllm-gpu", "cpu": "vllm-cpu"}
GIVEN = {"VLLM_MODEL": "my-model", "VLLM_MODEL_FOLDER": "/srv/my-model"}
VARIABLE = re.compile(r"\$\{(\w+)(?::[-?]([^}]*))?\}")
EACH = pytest.mark.parametrize("name", PROFILES.values())


def filled(text: str) -> str:
    """As compose writes it where only what must be given is given."""
    return VARIABLE.sub(lambda match: GIVEN.get(match[1], match[2]), text)


def test_each_profile_has_one_server_in_an_official_image_of_one_version():
    assert {s["profiles"][0]: n for n, s in SERVICES.items() if "profiles" in s} == PROFILES
    images = [SERVICES[name]["image"].split(":v") for name in PROFILES.values()]
    assert [image for image, _ in images] == ["vllm/vllm-openai", "vllm/vllm-openai-cpu"]
    assert len({tag.split("-")[0] for _, tag in images}) == 1


@EACH
def test_a_server_is_hardened_as_the_others_are(name: str):
    service = SERVICES[name]
    ours = compose_file()["services"]["generation"]
    for key in ("init", "read_only", "cap_drop", "security_opt", "user", "stop_grace_period"):
        assert service[key] == ours[key]
    assert all("nosuid,nodev" in mount for mount in service["tmpfs"])
    assert set(service["deploy"]["resources"]["limits"]) >= {"memory", "pids"}
    assert all(mount.endswith(":ro") for mount in service["volumes"])
    assert not {"ports", "privileged", "cap_add", "pid", "ipc", "network_mode"} & set(service)


def test_only_the_generation_service_reaches_a_model_and_a_model_reaches_nobody():
    assert OVERLAY["networks"]["models"]["internal"] is True
    members = {n for n, s in SERVICES.items() if "models" in s.get("networks", ())}
    assert members == {"generation", *PROFILES.values()}
    assert all(set(SERVICES[name]["networks"]) == {"models"} for name in PROFILES.values())


@EACH
def test_a_server_runs_no_foreign_code_and_asks_nobody(name: str):
    service = SERVICES[name]
    assert "--load-format=safetensors" in service["command"]
    assert "trust-remote-code" not in str(service["command"])
    assert service["environment"]["HF_HUB_OFFLINE"] == "1"
    assert service["environment"]["VLLM_NO_USAGE_STATS"] == "1"


def test_gateway_and_generation_know_the_model_that_the_server_has(
    monkeypatch: pytest.MonkeyPatch,
):
    for name in ("gateway", "generation"):
        for variable, text in SERVICES[name]["environment"].items():
            monkeypatch.setenv(variable, filled(text))
    monkeypatch.setenv("GATEWAY_DATABASE_URL", "sqlite://")
    ours, theirs = catalogue(GenerationSettings()), known_models(GatewaySettings())
    assert ours.find("my-model") == theirs.find("my-model")
    assert ours.find("my-model").replicas == ("http://vllm:8000/v1",)
    assert f"--served-model-name={ours.find('my-model').served_as}" in map(
        filled, SERVICES["vllm-gpu"]["command"]
    )


def test_the_server_is_started_with_what_the_platform_believes(monkeypatch: pytest.MonkeyPatch):
    for variable, text in SERVICES["generation"]["environment"].items():
        monkeypatch.setenv(variable, filled(text))
    believed = GenerationSettings()
    told = dict(
        filled(argument).removeprefix("--").split("=", 1)
        for argument in SERVICES["vllm-gpu"]["command"]
        if "=" in argument
    )
    assert json.loads(told["max-loras"]) == believed.vllm_max_loras
    assert json.loads(told["max-lora-rank"]) == believed.vllm_max_lora_rank
    assert json.loads(told["max-num-seqs"]) == believed.vllm_max_num_seqs
