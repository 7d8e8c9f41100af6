"""A process says in one line what it lacks, and waits a while for its database."""

import logging
from pathlib import Path

import pytest
from pydantic import SecretStr

from kit.errors import NotFound, Unavailable
from kit.process import open_database, process

NOWHERE = SecretStr("postgresql+psycopg://undercroft:hunter2@127.0.0.1:1/undercroft")


def test_what_is_missing_ends_the_process_with_its_name() -> None:
    with pytest.raises(SystemExit) as ended, process("search"):
        raise NotFound("There is no master secret.")
    assert ended.value.code == "search: There is no master secret."


def test_a_database_that_never_answers_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), pytest.raises(Unavailable):
        open_database(NOWHERE, patience=0.6)
    assert "waiting for the database" in caplog.text
    assert "hunter2" not in caplog.text


def test_a_database_that_answers_has_its_tables_at_once(tmp_path: Path) -> None:
    open_database(SecretStr(f"sqlite:///{tmp_path}/one.db"), patience=0).close()
