"""Settings come from the environment and from secret files; what is wrong is named, never shown."""

from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from kit.errors import InvalidRequest
from kit.settings import ServerSettings, settings_of


class Parrot(ServerSettings):
    model_config = SettingsConfigDict(env_prefix="PARROT_")

    word: SecretStr
    song: str | None = None


def test_a_missing_variable_is_named_as_it_is_set() -> None:
    with pytest.raises(InvalidRequest, match="PARROT_WORD: Field required"):
        settings_of(Parrot)


def test_every_wrong_value_is_named_and_none_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARROT_WORD", "hello")
    monkeypatch.setenv("PARROT_PORT", "hunter2")
    monkeypatch.setenv("PARROT_DRAIN", "0")
    with pytest.raises(InvalidRequest, match=r"PARROT_PORT.*PARROT_DRAIN") as refused:
        settings_of(Parrot)
    assert "hunter2" not in refused.value.message
    assert refused.value.__cause__ is None


def test_an_empty_variable_is_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARROT_WORD", "hello")
    monkeypatch.setenv("PARROT_SONG", "")
    assert settings_of(Parrot).song is None


def test_a_secret_is_read_from_a_file_without_its_line_end(tmp_path: Path) -> None:
    (tmp_path / "parrot_word").write_text("hello\n")
    assert Parrot(_secrets_dir=str(tmp_path)).word.get_secret_value() == "hello"
