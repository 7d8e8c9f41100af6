"""What commands say of what they cannot do, and of what they did."""

import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kit.errors import Conflict
from kit.process import server_config
from undercroft.cli import app
from undercroft.commands import adapters
from undercroft.commands.up import _Announcing
from undercroft.embedded import Folder


def test_a_folder_that_is_not_there_is_not_to_be_pulled(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["models", "check", "mistral.mistral-7b", f"{tmp_path}/nope"])
    assert (told.exit_code, "pull" in told.stderr) == (1, False)
    assert f"There is no folder {tmp_path}/nope." in told.stderr


async def test_a_port_that_is_taken_is_told_with_the_option_that_names_another(
    tmp_path: Path,
) -> None:
    async def nothing(scope: object, receive: object, send: object) -> None:
        pytest.fail("no request comes")

    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = server_config(nothing, "127.0.0.1", taken.getsockname()[1], 1)
        config.lifespan = "off"
        with pytest.raises(Conflict, match="--port"):
            await _Announcing(config, Folder(tmp_path), {}).serve()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["pin", "sha256:ab"], "pinned sha256:ab"),
        (["pin", "ab", "--undo"], "unpinned sha256:ab"),
        (["rm", "support"], "removed support"),
    ],
)
def test_what_was_done_is_said(
    command: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapters, "ask", lambda *_, **__: None)
    assert CliRunner().invoke(app, ["adapters", *command]).stdout.strip() == said


def test_only_creating_keys_makes_a_tenant() -> None:
    helps = {
        name: CliRunner().invoke(app, ["keys", name, "--help"]).stdout
        for name in ("create", "list", "revoke")
    }
    assert [
        name
        for name, text in helps.items()
        if "first sight" in " ".join(text.replace("│", "").split())
    ] == ["create"]
