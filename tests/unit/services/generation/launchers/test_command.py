"""What a vLLM server is started with."""

import json
from pathlib import Path

import pytest

from contracts.generation.requests import MOST_STOPS
from kit.catalogue import ModelEntry
from services.generation.engines.launchers.command import arguments, environment, limits
from services.generation.engines.launchers.devices import Machine
from services.generation.settings import VllmSettings

CPU = Machine("cpu", (), memory_gib=16, cores=4)
CUDA = Machine("cuda", (0, 1), memory_gib=64, cores=8)


@pytest.fixture
def model(tmp_path: Path) -> ModelEntry:
    config = {"dtype": "float32", "max_position_embeddings": 4096}
    (tmp_path / "config.json").write_text(json.dumps(config))
    described = dict.fromkeys(("name", "provider", "description", "licence", "source"), "m")
    return ModelEntry(
        id="local.m", kind="text", engine="vllm", folder=tmp_path, context=4096, gpus=2, **described
    )


def told(model: ModelEntry, machine: Machine, **settings: object) -> list[str]:
    assert model.folder is not None
    return arguments(model, model.folder, Path("/s/http"), VllmSettings(**settings), machine)


def value(command: list[str], flag: str) -> str:
    return command[command.index(f"--{flag}") + 1]


def test_a_copy_on_cores_keeps_the_weights_as_stored(model: ModelEntry):
    command = told(model, CPU)
    assert value(command, "dtype") == "float32"
    assert "--enforce-eager" in command
    assert "--tensor-parallel-size" not in command


def test_a_copy_on_accelerators_spreads_over_as_many_as_the_model_needs(model: ModelEntry):
    command = told(model, CUDA, vllm_gpu_share=0.5)
    assert value(command, "tensor-parallel-size") == "2"
    assert value(command, "gpu-memory-utilization") == "0.5"
    assert "--enforce-eager" not in command


def test_it_listens_on_a_socket_and_on_no_port(model: ModelEntry):
    command = told(model, CPU)
    assert value(command, "uds") == "/s/http"
    assert not {"--host", "--port", "--trust-remote-code"} & set(command)
    assert value(command, "load-format") == "safetensors"


def test_tools_are_read_as_the_model_writes_them(model: ModelEntry):
    assert value(told(model, CPU), "tool-call-parser") == "hermes"
    llama = model.model_copy(update={"tool_parser": "llama3_json"})
    assert value(told(llama, CPU), "tool-call-parser") == "llama3_json"


def test_a_chat_template_is_given_only_where_the_folder_has_none(model: ModelEntry):
    assert model.folder is not None
    llama = model.model_copy(update={"template": "llama-2"})
    assert Path(value(told(llama, CPU), "chat-template")).is_file()
    (model.folder / "chat_template.jinja").write_text("{{ messages }}")
    assert "--chat-template" not in told(llama, CPU)


def test_no_adapters_leave_every_flag_of_theirs_out(model: ModelEntry):
    assert "--enable-lora" in told(model, CPU)
    assert not [text for text in told(model, CPU, vllm_max_loras=0) if "lora" in text]


def test_adapters_in_memory_are_never_fewer_than_in_a_batch(model: ModelEntry):
    command = told(model, CPU, vllm_max_loras=32, vllm_max_cpu_loras=4)
    assert (value(command, "max-loras"), value(command, "max-cpu-loras")) == ("32", "32")


@pytest.mark.parametrize("machine", [CPU, CUDA])
def test_without_a_bound_the_context_is_what_the_cache_holds(model: ModelEntry, machine: Machine):
    assert value(told(model, machine), "max-model-len") == "auto"
    assert limits(model, VllmSettings()).context == 4096


@pytest.mark.parametrize(("most", "context"), [(1024, 1024), (8192, 4096)])
def test_the_context_is_never_longer_than_the_operator_says(
    model: ModelEntry, most: int, context: int
):
    settings = VllmSettings(vllm_max_model_len=most)
    assert limits(model, settings).context == context
    assert value(told(model, CPU, vllm_max_model_len=most), "max-model-len") == str(context)


def test_nor_longer_than_the_model_file_says(model: ModelEntry):
    shorter = model.model_copy(update={"context": 2048})
    assert value(told(shorter, CPU), "max-model-len") == "2048"


def test_a_server_sees_nothing_but_what_it_needs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    seen = environment(Path("/home"), Path("/s"), (), VllmSettings(), CPU)
    assert "AWS_SECRET_ACCESS_KEY" not in seen
    assert (seen["HF_HUB_OFFLINE"], seen["VLLM_NO_USAGE_STATS"]) == ("1", "1")
    assert (seen["HOME"], seen["TMPDIR"]) == ("/home", "/s")
    assert seen["VLLM_MAX_STOP_STRINGS"] == str(MOST_STOPS)


def test_each_copy_gets_units_of_its_own(model: ModelEntry):
    settings = VllmSettings(vllm_cores=2)
    on_cores = environment(Path("/h"), Path("/s"), (2, 3), settings, CPU)
    assert on_cores["VLLM_CPU_OMP_THREADS_BIND"] == "2,3"
    shared = environment(Path("/h"), Path("/s"), (), VllmSettings(), CPU)
    assert (shared["VLLM_CPU_OMP_THREADS_BIND"], shared["OMP_NUM_THREADS"]) == ("nobind", "3")
    assert environment(Path("/h"), Path("/s"), (1,), settings, CUDA)["CUDA_VISIBLE_DEVICES"] == "1"
