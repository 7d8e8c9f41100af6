"""A model that reads more than the cache of its server holds: vLLM starts with what fits."""

import json
import shutil
import struct
from math import prod
from pathlib import Path

import httpx
import pytest

from services.generation.ports import Replica
from tests.integration.vllm.test_starting import MODEL, serving, until
from tests.support.vllm import Tiny

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

LAYERS, HEADS, HEAD, HIDDEN, WIDE = 32, 8, 128, 64, 128
TOKEN_BYTES = LAYERS * HEADS * HEAD * 2 * 4
"""Of keys and values, as float32: one GiB holds 4096 tokens."""
OWN = 8192


def tensors(words: int) -> dict[str, tuple[int, ...]]:
    """The shapes of a Llama by the names of its weights."""
    made: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (words, HIDDEN),
        "model.norm.weight": (HIDDEN,),
    }
    for layer in range(LAYERS):
        name = f"model.layers.{layer}"
        made |= {f"{name}.self_attn.{one}_proj.weight": (HEADS * HEAD, HIDDEN) for one in "qkv"}
        made |= {f"{name}.mlp.{one}_proj.weight": (WIDE, HIDDEN) for one in ("gate", "up")}
        made |= {
            f"{name}.self_attn.o_proj.weight": (HIDDEN, HEADS * HEAD),
            f"{name}.mlp.down_proj.weight": (HIDDEN, WIDE),
            f"{name}.input_layernorm.weight": (HIDDEN,),
            f"{name}.post_attention_layernorm.weight": (HIDDEN,),
        }
    return made


def write_zeros(file: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    header, end = {}, 0
    for name, shape in shapes.items():
        begin, end = end, end + 4 * prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": (begin, end)}
    text = json.dumps(header).encode()
    with file.open("wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        stream.truncate(stream.tell() + end)


@pytest.fixture
def long(tiny: Tiny, tmp_path: Path) -> Path:
    """The tiny model with wider keys and values, a longer context, and zeros for weights."""
    folder = tmp_path / "long"
    shutil.copytree(tiny.model, folder)
    config = json.loads((folder / "config.json").read_text()) | {
        "hidden_size": HIDDEN,
        "intermediate_size": WIDE,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS,
        "head_dim": HEAD,
        "max_position_embeddings": OWN,
        "tie_word_embeddings": True,
    }
    (folder / "config.json").write_text(json.dumps(config))
    write_zeros(folder / "model.safetensors", tensors(config["vocab_size"]))
    return folder


def served_context(replica: Replica) -> int:
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(replica.socket))) as client:
        (model,) = client.get(f"{replica.url}/models").json()["data"]
    return int(model["max_model_len"])


async def test_the_context_is_what_the_cache_holds_and_the_platform_knows_it(
    long: Path, tmp_path: Path
):
    async with serving(long, tmp_path) as pools:
        await until(lambda: pools.replicas(MODEL) or pools.state(MODEL).status == "failed")
        assert pools.state(MODEL).reason == ""
        (replica,) = pools.replicas(MODEL)
        context = replica.limits.context
        assert 2048 < context <= (1 << 30) // TOKEN_BYTES < OWN
        assert served_context(replica) == context
