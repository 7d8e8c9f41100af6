"""docker-compose.vllm.yml: models that only the generation service reaches, and none is soft."""

import json
import re
import shlex
from typing import Any

import pytest
import yaml

from contracts.generation.requests import MOST_STOPS
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


def filled(text: str, **more: str) -> str:
    """As compose writes it where only what must be given is given, and what a test gives."""
    given = GIVEN | more
    return VARIABLE.sub(lambda match: given.get(match[1], match[2]), text)


def arguments(name: str, **given: str) -> list[str]:
    """What vLLM is started with: compose splits a text as a shell does."""
    return shlex.split(filled(SERVICES[name]["command"], **given))


def told(name: str, **given: str) -> dict[str, str]:
    """The arguments that have values, by name."""
    pairs = (one.removeprefix("--").partition("=") for one in arguments(name, **given))
    return {key: value for key, equals, value in pairs if equals}


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
    assert "--load-format=safetensors" in arguments(name)
    assert "trust-remote-code" not in service["command"]
    assert service["environment"]["HF_HUB_OFFLINE"] == "1"
    assert service["environment"]["VLLM_NO_USAGE_STATS"] == "1"
    assert service["environment"]["VLLM_MAX_STOP_STRINGS"] == str(MOST_STOPS)


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
    assert told("vllm-gpu")["served-model-name"] == ours.find("my-model").served_as


@pytest.mark.parametrize(
    "given",
    [
        {},
        {
            "VLLM_MAX_NUM_SEQS": "8",
            "VLLM_MAX_LORAS": "2",
            "VLLM_MAX_CPU_LORAS": "5",
            "VLLM_MAX_LORA_RANK": "16",
        },
    ],
)
def test_the_server_is_started_with_what_the_platform_believes(
    given: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    for variable, text in SERVICES["generation"]["environment"].items():
        monkeypatch.setenv(variable, filled(text, **given))
    believed, server = GenerationSettings(), told("vllm-gpu", **given)
    assert json.loads(server["max-loras"]) == believed.vllm_max_loras
    assert json.loads(server["max-cpu-loras"]) == believed.vllm_max_cpu_loras
    assert json.loads(server["max-lora-rank"]) == believed.vllm_max_lora_rank
    assert json.loads(server["max-num-seqs"]) == believed.vllm_max_num_seqs
    assert told("vllm-cpu", **given)["max-num-seqs"] == server["max-num-seqs"]


@EACH
def test_without_a_bound_the_context_is_what_the_cache_holds(name: str):
    assert told(name)["max-model-len"] == "auto"
    assert told(name, VLLM_MAX_MODEL_LEN="4096")["max-model-len"] == "4096"


@EACH
def test_what_a_model_file_says_can_be_said_of_a_server(name: str):
    folder = "./models/templates:/templates:ro"
    assert folder in SERVICES[name]["volumes"]
    template = "--chat-template=/templates/falcon.jinja"
    assert template in arguments(name, VLLM_ARGUMENTS=f"{template} --seed=1")
    assert told(name, VLLM_TOOL_PARSER="llama3_json")["tool-call-parser"] == "llama3_json"


def test_a_model_has_as_many_accelerators_as_it_is_spread_over():
    (devices,) = SERVICES["vllm-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    for given in ({}, {"VLLM_GPUS": "4"}):
        assert (
            filled(devices["count"], **given) == told("vllm-gpu", **given)["tensor-parallel-size"]
        )


def test_every_variable_is_explained():
    text = (ROOT / "docker-compose.vllm.yml").read_text()
    page = (ROOT / "docs" / "how-to" / "serve-a-model.md").read_text()
    assert {match[1] for match in VARIABLE.finditer(text)} <= set(re.findall(r"VLLM_\w+", page))
