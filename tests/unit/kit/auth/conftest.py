"""A real database and keyring of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import kit.auth.tables  # noqa: F401 - declares the tables that `create_tables` makes
from kit.auth.keyring import Keyring
from kit.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/auth.db")
    database.create_tables()
    yield database
    database.close()


@pytest.fixture
def keyring() -> Keyring:
    return Keyring(bytes(range(32)))
