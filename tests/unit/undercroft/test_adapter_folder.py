"""A folder that `undercroft adapters add` cannot take is refused before anything is sent."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from undercroft.cli import app


@pytest.mark.parametrize(
    ("weights", "reason"),
    [
        ("adapter_model.bin", "is a pickle, and loading it would run code"),
        ("model.safetensors", "lacks adapter_model.safetensors"),
    ],
)
def test_a_folder_without_safetensors_is_refused(tmp_path: Path, weights: str, reason: str) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    (tmp_path / weights).write_bytes(b"\x80")
    command = ["adapters", "add", str(tmp_path), "--base", "tiny", "--data", str(tmp_path)]
    told = CliRunner().invoke(app, command)
    assert told.exit_code == 1
    assert reason in " ".join(told.stderr.split())


def test_a_path_that_leads_nowhere_is_said_to(tmp_path: Path) -> None:
    command = ["adapters", "add", f"{tmp_path}/nope", "--base", "tiny", "--data", str(tmp_path)]
    told = CliRunner().invoke(app, command)
    assert told.exit_code == 1
    assert f"There is nothing at {tmp_path}/nope" in told.stderr
