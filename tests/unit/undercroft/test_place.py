"""Commands find their platform: by options, by a gateway's environment, or by the data folder."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from kit.auth.keyring import Keyring
from undercroft.cli import app
from undercroft.commands.common import DEFAULT_DATA, Place, find_place

POSTGRES = "postgresql+psycopg://undercroft:word@postgres/undercroft"


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_DATABASE_URL", POSTGRES)
    monkeypatch.setenv("GATEWAY_MASTER_KEY_FILE", "/keys/master")


def test_the_data_folder_is_the_default() -> None:
    place = find_place(DEFAULT_DATA, None, None)
    assert place.database_url.endswith("/.undercroft/undercroft.db")
    assert place.master_key == DEFAULT_DATA / "master.key"


@pytest.mark.usefixtures("gateway")
def test_a_gateway_s_environment_needs_no_options() -> None:
    place = find_place(DEFAULT_DATA, None, None)
    assert place == Place(POSTGRES, Path("/keys/master"), Path("/audit/heads"))


@pytest.mark.usefixtures("gateway")
def test_a_named_folder_wins_over_the_environment(tmp_path: Path) -> None:
    place = find_place(tmp_path, None, None)
    assert place.database_url == f"sqlite:///{tmp_path}/undercroft.db"


@pytest.mark.usefixtures("gateway")
def test_options_win_over_everything(tmp_path: Path) -> None:
    place = find_place(tmp_path, "sqlite:///other.db", tmp_path / "key")
    assert (place.database_url, place.master_key) == ("sqlite:///other.db", tmp_path / "key")


def test_secrets_are_made_once_and_only_their_folder_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    made = CliRunner().invoke(app, ["secrets", str(folder)])
    assert made.exit_code == 0
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o444}
    Keyring.load(folder / "master_key")
    word = (folder / "postgres_password").read_text()
    assert f":{word}@" in (folder / "database_url").read_text()
    assert not [word for file in folder.iterdir() if file.read_text() in made.output]

    before = (folder / "master_key").read_text()
    assert CliRunner().invoke(app, ["secrets", str(folder)]).exit_code == 1
    assert (folder / "master_key").read_text() == before
