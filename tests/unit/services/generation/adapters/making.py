"""Adapters and base models made by hand: no library decides what the bytes are."""

import io
import json
import random
import struct
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
HIDDEN, INNER, KEYS, LAYERS, VOCABULARY = 8, 16, 4, 2, 32
SHAPES = {
    "self_attn.q_proj": (HIDDEN, HIDDEN),
    "self_attn.k_proj": (KEYS, HIDDEN),
    "self_attn.v_proj": (KEYS, HIDDEN),
    "self_attn.o_proj": (HIDDEN, HIDDEN),
    "mlp.gate_proj": (INNER, HIDDEN),
    "mlp.up_proj": (INNER, HIDDEN),
    "mlp.down_proj": (HIDDEN, INNER),
}
Floats = list[float]


def safetensors(tensors: Mapping[str, tuple[tuple[int, ...], Floats]]) -> bytes:
    """A file of float32 tensors."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    body = b""
    for name, (shape, values) in tensors.items():
        data = struct.pack(f"<{len(values)}f", *values)
        offsets = [len(body), len(body) + len(data)]
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": offsets}
        body += data
    return with_header(json.dumps(header).encode(), body)


def with_header(header: bytes, body: bytes) -> bytes:
    return len(header).to_bytes(8, "little") + header + body


def config(**members: Any) -> bytes:
    plain = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": "somebody/llama",
        "r": 2,
        "lora_alpha": 4,
        "target_modules": ["q_proj", "v_proj"],
        "bias": "none",
    }
    return json.dumps({**plain, **members}).encode()


def weights(
    *,
    rank: int = 2,
    modules: tuple[str, ...] = ("self_attn.q_proj", "self_attn.v_proj"),
    seed: int = 1,
    b: float | None = None,
    layers: int = LAYERS,
    wider: int = 0,
) -> bytes:
    """`b` fills every B with one number; `wider` makes each module that much wider inside."""
    chance = random.Random(seed)
    tensors: dict[str, tuple[tuple[int, ...], Floats]] = {}
    for layer in range(layers):
        for module in modules:
            out, into = SHAPES[module]
            into += wider
            name = f"base_model.model.model.layers.{layer}.{module}"
            a = [chance.gauss(0, 1) for _ in range(rank * into)]
            made = [chance.gauss(0, 1) if b is None else b for _ in range(out * rank)]
            tensors[f"{name}.lora_A.weight"] = ((rank, into), a)
            tensors[f"{name}.lora_B.weight"] = ((out, rank), made)
    return safetensors(tensors)


def adapter(seed: int = 1, **options: Any) -> dict[str, bytes]:
    """The files of a good one, by name."""
    rank = options.get("rank", 2)
    return {CONFIG: config(r=rank), WEIGHTS: weights(seed=seed, **options)}


def archive(*adapters: tuple[str, dict[str, bytes]]) -> bytes:
    """A .tar.gz of folders, as `tar czf adapters.tar.gz -C folder .` makes it."""
    files = {
        f"./adapters/{name}/{file}": data
        for name, files in adapters
        for file, data in files.items()
    }
    return tar_gz(files)


def tar_gz(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def base_model(folder: Path) -> Path:
    """A Llama's folder: config.json and a file with weights of the right shapes."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(
        json.dumps(
            {
                "model_type": "llama",
                "max_position_embeddings": 128,
                "hidden_size": HIDDEN,
                "intermediate_size": INNER,
                "num_attention_heads": 2,
                "num_key_value_heads": 1,
                "num_hidden_layers": LAYERS,
                "vocab_size": VOCABULARY,
            }
        )
    )
    tensors: dict[str, tuple[tuple[int, ...], Floats]] = {
        f"model.layers.{layer}.{module}.weight": (shape, [0.0] * (shape[0] * shape[1]))
        for layer in range(LAYERS)
        for module, shape in SHAPES.items()
    }
    tensors["model.embed_tokens.weight"] = ((VOCABULARY, HIDDEN), [0.0] * (VOCABULARY * HIDDEN))
    (folder / "model.safetensors").write_bytes(safetensors(tensors))
    return folder
