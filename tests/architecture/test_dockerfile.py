"""The Dockerfile builds what docker-compose.yml asks for, for a user without rights."""

import re
import tomllib

import pytest

from tests.support.compose import ROOT, compose_file

TEXT = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
STAGES = dict(re.findall(r"^FROM \S+ AS (\w+)\n(.*?)(?=^FROM |\Z)", TEXT, re.MULTILINE | re.DOTALL))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BUILDS = [s["build"] for s in compose_file()["services"].values() if "build" in s]


def test_each_image_has_its_stage_and_its_extras() -> None:
    arguments = set(re.findall(r"^ARG (.*)$", TEXT, re.MULTILINE))
    named = {name.split("=")[0] for line in arguments for name in line.split()}
    for build in BUILDS:
        assert build["target"] in STAGES
        assert set(build["args"]) <= named
        assert set(build["args"]["EXTRAS"].split(",")) <= set(PROJECT["optional-dependencies"])


@pytest.mark.parametrize("stage", ["app", "search"])
def test_an_image_runs_as_a_user_without_rights(stage: str) -> None:
    assert re.findall(r"^USER (.*)$", STAGES[stage], re.MULTILINE) == ["10001:10001"]


def test_the_base_is_pinned_and_the_same_in_every_stage() -> None:
    assert re.search(r"^ARG PYTHON=python:3\.11-slim-\w+$", TEXT, re.MULTILINE)
    bases = set(re.findall(r"^FROM (\S+)", TEXT, re.MULTILINE))
    assert bases == {"${PYTHON}", "builder", "runtime"}


def test_torch_is_in_no_image_that_runs() -> None:
    extras = {extra for build in BUILDS for extra in build["args"]["EXTRAS"].split(",")}
    assert "export" not in extras
    assert "export" in STAGES["model"]
    assert "/opt/venv" not in re.findall(r"--from=model (\S+)", TEXT)


def test_no_image_that_runs_has_pip() -> None:
    assert "pip uninstall" in STAGES["runtime"]
    assert "--without-pip" in STAGES["builder"]


def test_health_is_asked_as_in_the_compose_file() -> None:
    asked = re.search(r"HEALTHCHECK.*CMD (\[.*\])$", STAGES["runtime"], re.MULTILINE)
    assert asked is not None
    check = compose_file()["x-listening"]["test"]
    assert asked[1] == "[" + ", ".join(f'"{part}"' for part in check[1:]) + "]"


def test_the_context_holds_only_what_is_named() -> None:
    lines = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if not line.startswith("#")
    ]
    assert lines[0] == "*"
    packages = {p.rstrip("*") for p in _packages()}
    assert packages <= {line.removeprefix("!") for line in lines}


def _packages() -> list[str]:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    found: list[str] = tool["setuptools"]["packages"]["find"]["include"]
    return found
