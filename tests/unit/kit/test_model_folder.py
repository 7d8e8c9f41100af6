"""What a check of a model's folder finds, from its headers alone."""

import json
import re
import struct
from pathlib import Path
from typing import Any

import pytest

from kit.model_folder import check, has_chat_template

CONFIG = {"architectures": ["LlamaForCausalLM"], "max_position_embeddings": 64}
TENSOR = {"a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}


def safetensors(header: dict[str, Any], body: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "model.safetensors").write_bytes(safetensors(TENSOR, bytes(24)))
    (tmp_path / "tokenizer.json").write_text("{}")
    (tmp_path / "LICENSE").write_text("free")
    (tmp_path / "chat_template.jinja").write_text("{{ messages }}")
    return tmp_path


def test_a_whole_folder_has_no_problems(folder: Path) -> None:
    found = check(folder, context=64)
    assert (found.architecture, found.context, found.parameters) == ("LlamaForCausalLM", 64, 6)
    assert found.problems == found.remarks == ()
    assert has_chat_template(folder)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("config.json", None, r"config\.json is missing"),
        ("config.json", b"[]", r"config\.json is missing"),
        ("config.json", b"{}", "max_position_embeddings"),
        ("config.json", json.dumps({**CONFIG, "auto_map": {}}).encode(), "never run"),
        ("config.json", json.dumps({"max_position_embeddings": 8}).encode(), "promises 64"),
        ("tokenizer.json", None, r"no tokenizer\.json"),
        ("model.safetensors", None, "no weights as safetensors"),
        ("model.safetensors", b"", "cut off"),
        ("model.safetensors", safetensors(TENSOR, bytes(20)), "should have"),
        ("model.safetensors", struct.pack("<Q", 1 << 40) + b"{}", "header would be"),
        ("model.safetensors", safetensors({"a": []}, b""), "cut off"),  # type: ignore[dict-item]
        ("model.safetensors", b"\x80\x04pickle", "cut off"),
        (
            "model.safetensors.index.json",
            json.dumps({"weight_map": {"b": "model-2.safetensors"}}).encode(),
            r"model-2\.safetensors is missing",
        ),
    ],
)
def test_what_is_wrong_is_told(
    folder: Path, name: str, content: bytes | None, problem: str
) -> None:
    (folder / name).unlink(missing_ok=True)
    if content is not None:
        (folder / name).write_bytes(content)
    assert re.search(problem, "; ".join(check(folder, context=64).problems))


def test_code_beside_a_model_hinders_only_where_nothing_else_says_what_it_is(folder: Path) -> None:
    """As Falcon 2 has it, which vLLM serves with code of its own."""
    (folder / "config.json").write_text(
        json.dumps({**CONFIG, "model_type": "falcon", "auto_map": {"AutoConfig": "their.Config"}})
    )
    found = check(folder)
    assert found.problems == ()
    assert "never run: it starts if vLLM knows 'falcon'" in "; ".join(found.remarks)


def test_what_does_not_hinder_is_remarked(folder: Path) -> None:
    for name in ("LICENSE", "chat_template.jinja"):
        (folder / name).unlink()
    (folder / "pytorch_model.bin").write_bytes(b"")
    found = check(folder)
    assert found.problems == ()
    told = "; ".join(found.remarks)
    assert "chat template" in told
    assert "licence" in told
    assert "pytorch_model.bin" in told
