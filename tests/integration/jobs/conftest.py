"""One PostgreSQL database, emptied before each test."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, delete

from kit.database import Database
from kit.jobs.tables import job_effects, job_events, jobs


def _empty(connection: Connection) -> None:
    for table in (jobs, job_events, job_effects):
        connection.execute(delete(table))


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    database = Database(postgres_url)
    database.create_tables()
    database.write_now(_empty)
    yield database
    database.close()
