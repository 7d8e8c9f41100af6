"""`undercroft models` beside a platform that runs, and beside none."""

import json
from pathlib import Path

from typer.testing import CliRunner

from tests.support.platform import Platform
from undercroft.cli import app


def test_a_name_is_shown_as_the_running_platform_serves_it(platform: Platform) -> None:
    served = platform.openai().models.retrieve("anthropic.claude-v2").model_dump()["served_by"]
    told = CliRunner().invoke(
        app, ["models", "show", "anthropic.claude-v2", "--data", str(platform.data)]
    )
    shown = json.loads(told.stdout)
    assert (shown["id"], shown["kind"]) == (served, "text")
    assert "base" not in shown
    assert "anthropic.claude-v2" in shown["aliases"]


def test_models_are_listed_once_each(platform: Platform) -> None:
    told = CliRunner().invoke(app, ["models", "list", "--data", str(platform.data)])
    rows = [line for line in told.stdout.splitlines() if "undercroft.extractive-v1" in line]
    assert len(rows) == 1
    assert "ready" in rows[0]


def test_without_a_platform_the_model_files_tell(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["models", "list", "--data", str(tmp_path)])
    (row,) = (line for line in told.stdout.splitlines() if "undercroft.extractive-v1" in line)
    assert "here" in row
