"""Every command, flag and setting that a page names is one that the platform has."""

import re
import shlex
from functools import cache
from pathlib import Path

import click
import pytest
import typer

from gateway.settings import GatewaySettings
from services.generation.settings import GenerationProcessSettings
from services.search.settings import SearchProcessSettings
from tests.architecture.test_docs import DOCUMENTS, ROOT
from undercroft.cli import app
from workers.settings import WorkerSettings

EACH = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
COMMAND_LINE = typer.main.get_command(app)
GROUPS = {name: one for name, one in COMMAND_LINE.commands.items() if hasattr(one, "commands")}
BLOCK = re.compile(r"^```(?:sh|yaml)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
CALL = re.compile(r"(?:^|/bin/|exec gateway )undercroft +([a-z].*)")
SETTINGS = {
    f"{kind.model_config['env_prefix']}{field.upper()}"
    for kind in (GatewaySettings, SearchProcessSettings, GenerationProcessSettings, WorkerSettings)
    for field in kind.model_fields
}
OURS = re.compile(r"\b(?:GATEWAY|SEARCH|GENERATION|WORKER)_[A-Z0-9_]*[A-Z0-9]\b")
NAME = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")
ASSIGNED = re.compile(r"^([A-Z][A-Z0-9_]*)=", re.MULTILINE)
COMPOSED = re.compile(r"\$\{([A-Z][A-Z0-9_]*)")
COMPOSE_FILES = "".join(path.read_text() for path in sorted(ROOT.glob("docker-compose*.yml")))
PLACEHOLDERS = {"MY_KEY_ID", "MY_SECRET"}
OTHERS_OWN = {"AWS_BEARER_TOKEN_BEDROCK", "AWS_PROFILE", "COMPOSE_FILE", "COMPOSE_PROFILES"}
"""What boto3 and Compose read by themselves, and nothing of ours names."""


def calls(document: Path) -> list[str]:
    """What follows `undercroft` in each line of code, and in the text."""
    text = document.read_text()
    lines = [
        line for block in BLOCK.findall(text) for line in block.replace("\\\n", " ").splitlines()
    ]
    inline = INLINE.findall(BLOCK.sub("", text))
    found = [match[1] for line in [*lines, *inline] if (match := CALL.search(line.strip()))]
    # `jobs watch` in a sentence is a command too.
    short = [one for one in inline if re.match(rf"(?:{'|'.join(GROUPS)}) [a-z]+\b", one)]
    return found + short


def wrong(call: str) -> str:
    """What the command line would not take of it; empty where it takes all."""
    words = [word for word in shlex.split(call, comments=True) if word != "…"]
    command: click.Command = COMMAND_LINE
    while words and (inside := getattr(command, "commands", None)):
        if words[0] not in inside:
            return f"{call}: there is no {words[0]}"
        command = inside[words.pop(0)]
    options = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    flags = {word.partition("=")[0] for word in words if word.startswith("--")}
    return f"{call}: {unknown}" if (unknown := flags - options - {"--help"}) else ""


@EACH
def test_commands_that_are_named_exist_with_their_flags(document: Path) -> None:
    assert [told for call in calls(document) if (told := wrong(call))] == []


def test_a_wrong_command_would_be_seen() -> None:
    assert calls(ROOT / "README.md")
    assert wrong("limits set --tenant acme --requests 5 # a minute") == ""
    assert "no give" in wrong("limits give --tenant acme")
    assert "--money" in wrong("limits set --tenant acme --money 5")


@EACH
def test_settings_that_are_named_exist(document: Path) -> None:
    assert set(OURS.findall(document.read_text())) - SETTINGS == set()


@EACH
def test_other_variables_that_are_named_are_read_by_somebody(document: Path) -> None:
    text = document.read_text()
    named = {*NAME.findall(text), *ASSIGNED.findall("".join(BLOCK.findall(text)))}
    unknown = named - SETTINGS - set(COMPOSED.findall(COMPOSE_FILES)) - PLACEHOLDERS - OTHERS_OWN
    code = _code()
    assert {name for name in unknown if name not in code} == set()


def test_every_variable_of_the_compose_files_is_told_of() -> None:
    told = "".join(path.read_text() for path in DOCUMENTS)
    variables = set(COMPOSED.findall(COMPOSE_FILES))
    assert {name for name in variables if not re.search(rf"\b{name}\b", told)} == set()


@cache
def _code() -> str:
    packages = ("undercroft", "gateway", "services", "workers", "dialects", "integrations", "kit")
    sources = [path for name in packages for path in (ROOT / name).rglob("*.py")]
    examples = [*(ROOT / "examples").glob("*.py"), ROOT / "Dockerfile"]
    return COMPOSE_FILES + "".join(path.read_text() for path in [*sources, *examples])
