"""`undercroft models pull` against a hub: what comes, what never comes, and what it says."""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.hub import REPOSITORY, serve
from tests.support.platform import UNDERCROFT
from tests.unit.kit.test_model_folder import CONFIG, TENSOR, safetensors

FILES = {
    "config.json": json.dumps(CONFIG).encode(),
    "model.safetensors": safetensors(TENSOR, bytes(24)),
    "tokenizer.json": b"{}",
    "LICENSE": b"free",
    "pytorch_model.bin": b"\x80\x04.",
    "modeling_tiny.py": b"import os",
    "original/consolidated.safetensors": b"another format",
}
ENTRY = f"""
id: tiny.llama
name: Tiny
provider: tiny
kind: text
engine: vllm
description: Tiny.
licence: free
source: {REPOSITORY}
context: 64
"""


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "tiny.yaml").write_text(ENTRY)
    return folder


def undercroft(
    command: str, models: Path, *more: str, hub: str = "http://127.0.0.1:9"
) -> subprocess.CompletedProcess[str]:
    place = ["--models", str(models), "--data", str(models.parent / "data")]
    return subprocess.run(
        [UNDERCROFT, "models", command, "tiny.llama", *more, *place],
        env={**os.environ, "HF_ENDPOINT": hub, "HF_HOME": str(models.parent / "hf")},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_pull_brings_weights_and_tokenizer_and_never_code_or_pickles(models: Path) -> None:
    with serve(FILES) as hub:
        done = undercroft("pull", models, hub=hub)
    assert done.returncode == 0, done.stderr
    place = models.parent / "data" / "weights" / "tiny.llama"
    names = {"config.json", "model.safetensors", "tokenizer.json", "LICENSE"}
    assert {path.name for path in place.iterdir()} == names
    assert f"undercroft up --model tiny.llama={place}" in done.stdout
    assert "6 parameters" in done.stdout
    checked = undercroft("check", models)
    assert checked.returncode == 0, checked.stderr


def test_bytes_that_are_not_as_promised_never_become_the_model(models: Path) -> None:
    promised = {"model.safetensors": safetensors(TENSOR, b"\1" * 24)}
    with serve(FILES, promised=promised) as hub:
        done = undercroft("pull", models, hub=hub)
    assert done.returncode == 1
    assert "not what the hub says" in " ".join(done.stderr.split())
    assert not (models.parent / "data" / "weights" / "tiny.llama").exists()
    with serve(FILES) as hub:
        assert undercroft("pull", models, hub=hub).returncode == 0


def test_a_repository_of_pickles_is_refused(models: Path) -> None:
    pickles = {name: data for name, data in FILES.items() if not name.endswith("safetensors")}
    with serve(pickles) as hub:
        done = undercroft("pull", models, hub=hub)
    assert done.returncode == 1
    assert "no weights as safetensors" in done.stderr


def test_a_hub_out_of_reach_is_told_within_seconds(models: Path) -> None:
    started = time.monotonic()
    done = undercroft("pull", models)
    assert time.monotonic() - started < 10
    assert done.returncode == 1
    assert "HF_ENDPOINT" in done.stderr
    absent = undercroft("check", models)
    assert "models pull" in absent.stderr


def test_terms_must_be_accepted_first(models: Path) -> None:
    (models / "tiny.yaml").write_text(ENTRY + "eula: https://terms.example/tiny\n")
    with serve(FILES) as hub:
        refused = undercroft("pull", models, hub=hub)
        assert refused.returncode == 1
        assert "https://terms.example/tiny" in refused.stderr
        assert undercroft("pull", models, "--accept-eula", hub=hub).returncode == 0
