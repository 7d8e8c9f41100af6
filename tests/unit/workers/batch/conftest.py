"""A database for batches."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/batches.db")
    database.create_tables()
    yield database
    database.close()
