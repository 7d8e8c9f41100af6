"""A new SQLite database for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import kit.jobs.tables  # noqa: F401 - declares the tables
from kit.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/jobs.db")
    database.create_tables()
    yield database
    database.close()
