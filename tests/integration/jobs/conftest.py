"""One PostgreSQL database, emptied before each test."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, text

import kit.jobs.tables  # noqa: F401 - declares the tables
from kit.database import Database


def _empty(connection: Connection) -> None:
    connection.execute(text("TRUNCATE jobs, job_events, job_effects"))


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    database = Database(postgres_url)
    database.create_tables()
    database.write_now(_empty)
    yield database
    database.close()
