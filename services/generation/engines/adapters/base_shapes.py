"""The shapes of a base model's weights, read from its folder without loading it."""

import json
from pathlib import Path
from typing import Any

from services.generation.engines.adapters.header import read_header

_INDEX = "model.safetensors.index.json"


class CannotTell(Exception):
    """A check that could not be made, and why."""


def base_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """By module: `model.layers.0.self_attn.q_proj` is [out, in].

    From the headers of its safetensors files; where there are none, from a config.json of the
    Llama family. Raises CannotTell where neither tells.
    """
    files = _files(folder)
    if not files:
        return _of_config(json.loads((folder / "config.json").read_bytes()))
    shapes: dict[str, tuple[int, ...]] = {}
    for file in files:
        for name, tensor in read_header(file, of_base=True).items():
            if name.endswith(".weight"):
                shapes[name.removesuffix(".weight")] = tensor.shape
    if "lm_head" not in shapes and "model.embed_tokens" in shapes:  # tied to the input's
        shapes["lm_head"] = shapes["model.embed_tokens"]
    return shapes


def _files(folder: Path) -> list[Path]:
    index = folder / _INDEX
    if index.is_file():
        names = set(json.loads(index.read_bytes())["weight_map"].values())
        return sorted(folder / Path(name).name for name in names)
    return sorted(folder.glob("*.safetensors"))


def _of_config(config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    try:
        hidden, inner = config["hidden_size"], config["intermediate_size"]
        heads, layers = config["num_attention_heads"], config["num_hidden_layers"]
        vocabulary = config["vocab_size"]
    except KeyError as error:
        raise CannotTell(f"config.json does not tell {error}") from error
    if config.get("model_type") not in ("llama", "mistral", "qwen2", "qwen3"):
        raise CannotTell("its folder has no safetensors files to compare with")
    width = config.get("head_dim") or hidden // heads
    keys = (config.get("num_key_value_heads") or heads) * width
    linear = {
        "self_attn.q_proj": (heads * width, hidden),
        "self_attn.k_proj": (keys, hidden),
        "self_attn.v_proj": (keys, hidden),
        "self_attn.o_proj": (hidden, heads * width),
        "mlp.gate_proj": (inner, hidden),
        "mlp.up_proj": (inner, hidden),
        "mlp.down_proj": (hidden, inner),
    }
    shapes = {
        f"model.layers.{layer}.{module}": shape
        for layer in range(layers)
        for module, shape in linear.items()
    }
    return shapes | {"model.embed_tokens": (vocabulary, hidden), "lm_head": (vocabulary, hidden)}
