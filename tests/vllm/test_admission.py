"""Admission on the real engine: what it answers greedily is what PEFT's merged model answers."""

import os
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.support.platform import UNDERCROFT, Platform
from tests.support.vllm import NAME, Tiny


def undercroft(platform: Platform, *command: str) -> subprocess.CompletedProcess[str]:
    full = [UNDERCROFT, "adapters", *command, "--data", str(platform.data)]
    return subprocess.run(full, capture_output=True, text=True, env=os.environ)


@pytest.mark.parametrize("name", ["es", "fr", "de", "it"])
def test_an_adapter_is_ready_once_the_engine_answers_as_peft_does(
    vllm_platform: Platform, tiny: Tiny, name: str
) -> None:
    alias = f"admitted-{name}"
    added = undercroft(
        vllm_platform, "add", str(tiny.adapters[name]), "--base", NAME, "--name", alias
    )
    assert added.returncode == 0, added.stderr
    digest = added.stdout.removeprefix("sha256:").split()[0]

    shown = httpx.get(
        f"{vllm_platform.url}/api/v1/adapters/{digest}", headers=vllm_platform.rest()
    ).json()
    outcomes = {check["name"]: check["outcome"] for check in shown["checks"]}
    assert set(outcomes.values()) == {"passed"}, shown["checks"]
    assert set(outcomes) == {"rank", "shapes", "values", "parity"}
    parity = next(check for check in shown["checks"] if check["name"] == "parity")
    assert "greedy tokens equal PEFT's merged model, and differs from the base" in parity["detail"]

    client = vllm_platform.openai()
    asked = {"prompt": "Say hello", "max_tokens": 8, "temperature": 0.0}
    with_adapter = client.completions.create(model=alias, **asked).choices[0].text  # type: ignore[call-overload]
    base = client.completions.create(model=NAME, **asked).choices[0].text  # type: ignore[call-overload]
    assert with_adapter != base
    assert alias in {model.id for model in client.models.list()}


def test_the_command_line_says_why_an_adapter_is_refused(
    vllm_platform: Platform, tiny: Tiny, tmp_path: Path
) -> None:
    for file in tiny.adapters["es"].iterdir():
        if file.name == "adapter_config.json":
            text = file.read_text().replace('"use_dora": false', '"use_dora": true')
            (tmp_path / file.name).write_text(text)
        elif file.suffix == ".safetensors":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    refused = undercroft(vllm_platform, "add", str(tmp_path), "--base", NAME)
    assert refused.returncode == 1
    assert "it uses DoRA, which is not served" in " ".join(refused.stderr.split())


def test_names_move_and_go_back_from_the_command_line(vllm_platform: Platform, tiny: Tiny) -> None:
    digests = []
    for name in ("es", "fr"):
        added = undercroft(
            vllm_platform, "add", str(tiny.adapters[name]), "--base", NAME, "--name", "shifting"
        )
        digests.append(added.stdout.split()[0])
    back = undercroft(vllm_platform, "rollback", "shifting")
    assert back.stdout.split() == ["shifting", "->", digests[0], "(version", "3)"]
    gone = undercroft(vllm_platform, "rm", "shifting")
    assert gone.returncode == 0
    again = undercroft(vllm_platform, "rollback", "shifting")
    assert "There is no adapter alias shifting" in again.stderr
