"""The suite of batches on PostgreSQL."""

from collections.abc import Iterator

import pytest

from kit.database import Database
from tests.contract.batches import TestForgetting

__all__ = ["TestForgetting"]

pytestmark = pytest.mark.integration


@pytest.fixture
def database(empty_postgres_url: str) -> Iterator[Database]:
    database = Database(empty_postgres_url)
    database.create_tables()
    yield database
    database.close()
