"""What one vLLM server is started with: its arguments, and an environment without our secrets."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contracts.generation.requests import MOST_STOPS
from kit.catalogue import DEFAULT_FOLDER, ModelEntry
from kit.model_folder import has_chat_template
from services.generation.engines.launchers.devices import Machine
from services.generation.ports import EngineLimits
from services.generation.settings import VllmSettings

_STORED = {"float32", "bfloat16", "float16"}
_CPU_BATCH = 512
"""Tokens in one step on CPUs: adapters' weights are copied for every token there."""
_TOOLS = "hermes"
_WHAT_FITS = "auto"
"""The model's own context, or as much of it as the cache holds: vLLM finds that out at its start
and tells it in its list of models."""


def limits(model: ModelEntry, settings: VllmSettings) -> EngineLimits:
    """What it is to be started with; its cache may hold a shorter context."""
    context = min(filter(None, (model.context, settings.vllm_max_model_len)), default=2048)
    return EngineLimits(
        context, settings.vllm_max_num_seqs, settings.vllm_max_loras, settings.vllm_max_lora_rank
    )


def arguments(
    model: ModelEntry, folder: Path, socket: Path, settings: VllmSettings, machine: Machine
) -> list[str]:
    """Of the interpreter; weights are safetensors, and no code that lies beside them is run."""
    bounds, config = limits(model, settings), _config(folder)
    flags: dict[str, object] = {
        "model": folder.resolve(),
        "served-model-name": model.id,
        "uds": socket,
        "load-format": "safetensors",
        "max-model-len": bounds.context if _is_bound(model, config, settings) else _WHAT_FITS,
        "max-num-seqs": bounds.sequences,
        "shutdown-timeout": settings.vllm_drain,
        "tool-call-parser": model.tool_parser or _TOOLS,
        "uvicorn-log-level": "warning",
        **_adapters(bounds, settings),
        **(
            _on_cpu(config, bounds, settings) if machine.kind == "cpu" else _on_gpu(model, settings)
        ),
    }
    if model.template is not None and not has_chat_template(folder):
        flags["chat-template"] = DEFAULT_FOLDER / "templates" / f"{model.template}.jinja"
    switches = ["--enable-auto-tool-choice", "--disable-uvicorn-access-log"]
    switches += ["--enable-prompt-tokens-details"]
    switches += ["--enable-lora"] if bounds.adapters else []
    switches += ["--enforce-eager"] if machine.kind == "cpu" else []
    values = [text for name, value in flags.items() for text in (f"--{name}", str(value))]
    return ["-m", "vllm.entrypoints.openai.api_server", *values, *switches]


def environment(
    home: Path, scratch: Path, units: Sequence[int], settings: VllmSettings, machine: Machine
) -> dict[str, str]:
    """All that the server sees; `home` has its caches, `scratch` its sockets."""
    told = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "TMPDIR": str(scratch),
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_DO_NOT_TRACK": "1",
        "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True",
        "VLLM_MAX_STOP_STRINGS": str(MOST_STOPS),
    }
    if machine.kind == "cuda":
        return told | {"CUDA_VISIBLE_DEVICES": ",".join(map(str, units))}
    told["VLLM_CPU_KVCACHE_SPACE"] = str(settings.vllm_cache_gib)
    told["TORCH_COMPILE_DISABLE"] = "1"  # the first request for probabilities would wait for it
    if units:
        return told | {"VLLM_CPU_OMP_THREADS_BIND": ",".join(map(str, units))}
    threads = str(max(1, machine.cores - 1))
    return told | {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": threads}


def _adapters(bounds: EngineLimits, settings: VllmSettings) -> dict[str, object]:
    if not bounds.adapters:
        return {}
    return {
        "max-loras": bounds.adapters,
        "max-cpu-loras": max(bounds.adapters, settings.vllm_max_cpu_loras),
        "max-lora-rank": bounds.rank,
    }


def _config(folder: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((folder / "config.json").read_bytes())
    return config


def _is_bound(model: ModelEntry, config: dict[str, Any], settings: VllmSettings) -> bool:
    """Whether the settings, or the model's file, want a shorter context than the weights have."""
    own = config.get("text_config", config).get("max_position_embeddings")
    return settings.vllm_max_model_len is not None or (own is not None and model.context != own)


def _on_cpu(
    config: dict[str, Any], bounds: EngineLimits, settings: VllmSettings
) -> dict[str, object]:
    batch = max(_CPU_BATCH, bounds.sequences)
    return {"dtype": _as_stored(config, settings), "max-num-batched-tokens": batch}


def _on_gpu(model: ModelEntry, settings: VllmSettings) -> dict[str, object]:
    return {
        "dtype": settings.vllm_dtype,
        "tensor-parallel-size": model.gpus,
        "gpu-memory-utilization": settings.vllm_gpu_share,
    }


def _as_stored(config: dict[str, Any], settings: VllmSettings) -> str:
    """vLLM's own choice would halve the precision of weights that are stored in full."""
    if settings.vllm_dtype != "auto":
        return settings.vllm_dtype
    stored = config.get("dtype") or config.get("torch_dtype")
    return stored if stored in _STORED else "auto"
