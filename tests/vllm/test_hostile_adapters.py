"""What must never reach the engine is refused at upload, with the reason."""

import io
import json
import re
import struct
import tarfile
import uuid
from pathlib import Path

import httpx
import openai
import pytest
from safetensors.numpy import load_file, save

from tests.support.adapters import archive, files_of, register, settled
from tests.support.vllm import NAME
from tests.vllm.world import World, rewritten, write_variant

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


def reason(world: World, data: bytes) -> str:
    """Why the archive was refused: at once, or by the checks."""
    reply = register(world.platform, world.owner, NAME, f"bad-{uuid.uuid4().hex[:8]}", data)
    if reply.is_client_error:
        return reply.text
    assert reply.is_success, reply.text
    found = settled(world.platform, world.owner, reply.json()["digest"])
    assert found["state"] == "refused", found
    return "; ".join(found["reasons"])


@pytest.fixture
def good(world: World) -> dict[str, bytes]:
    return files_of(world.tiny.adapters["es"])


def test_a_pickle_is_refused_whatever_it_is_called(world: World, good: dict[str, bytes]) -> None:
    pickle = b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93\x94."
    told = reason(world, archive({CONFIG: good[CONFIG], "adapter_model.bin": pickle}))
    assert re.search("safetensors", told), told
    told = reason(world, archive({CONFIG: good[CONFIG], WEIGHTS: pickle}))
    assert re.search("safetensors", told), told


def test_a_rank_beyond_the_engines_is_refused(world: World, good: dict[str, bytes]) -> None:
    config = rewritten(world.tiny.adapters["es"], r=1024)
    told = reason(world, archive({**good, CONFIG: config}))
    assert "rank" in told, told


@pytest.mark.parametrize("changes", [{"use_dora": True}, {"bias": "all"}, {"peft_type": "IA3"}])
def test_what_the_engine_cannot_serve_is_refused(
    world: World, good: dict[str, bytes], changes: dict[str, object]
) -> None:
    config = rewritten(world.tiny.adapters["es"], **changes)
    told = reason(world, archive({**good, CONFIG: config}))
    assert re.search("DoRA|bias|IA3|LORA|LoRA", told), told


def test_weights_of_another_base_are_refused(world: World, good: dict[str, bytes]) -> None:
    tensors = load_file(world.tiny.adapters["es"] / WEIGHTS)
    wider = {
        name: tensor.repeat(2, axis=-1) if "lora_A" in name else tensor
        for name, tensor in tensors.items()
    }
    told = reason(world, archive({**good, WEIGHTS: save(wider)}))
    assert "the adapter was trained on another model" in told, told


def test_an_adapter_without_effect_is_refused(world: World, tmp_path: Path) -> None:
    write_variant(world.tiny.adapters["es"], tmp_path / "idle", 500, std=0.0)
    told = reason(world, archive(files_of(tmp_path / "idle")))
    assert "it changes nothing" in told, told


def test_a_header_that_lies_is_refused(world: World, good: dict[str, bytes]) -> None:
    for header in (struct.pack("<Q", 1 << 60) + b"{}", good[WEIGHTS][:-8], b""):
        assert reason(world, archive({**good, WEIGHTS: header}))


@pytest.mark.parametrize("name", ["../escape", "/etc/escape", "a/../../escape"])
def test_paths_out_of_the_archive_are_refused(
    world: World, good: dict[str, bytes], name: str
) -> None:
    told = reason(world, archive({**good, name: b"x"}))
    assert re.search("leaves the archive|absolute path", told), told


def test_links_in_an_archive_are_refused(world: World, good: dict[str, bytes]) -> None:
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            link = tarfile.TarInfo(WEIGHTS)
            link.type, link.linkname = kind, "/etc/passwd"
            tar.addfile(link)
            config = tarfile.TarInfo(CONFIG)
            config.size = len(good[CONFIG])
            tar.addfile(config, io.BytesIO(good[CONFIG]))
        told = reason(world, packed.getvalue())
        assert "link" in told, told


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "https://x.example/a", "s3://b/k", "es/../fr", "é"]
)
def test_a_path_or_an_address_is_no_name(world: World, name: str) -> None:
    source = {"type": "object", "uri": "s3://nowhere/adapter.tar.gz"}
    reply = httpx.post(
        f"{world.platform.url}/api/v1/adapters",
        content=json.dumps({"source": source, "base": NAME, "name": name}),
        headers={**world.platform.rest(world.owner), "content-type": "application/json"},
    )
    assert reply.status_code in (400, 422), reply.text
    with pytest.raises(openai.NotFoundError):
        world.platform.openai(world.owner).completions.create(model=name, prompt="a", max_tokens=1)
