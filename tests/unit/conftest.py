"""What tests of many units need."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """SQLite, with the tables of whatever was imported."""
    database = Database(f"sqlite:///{tmp_path}/unit.db")
    database.create_tables()
    yield database
    database.close()
