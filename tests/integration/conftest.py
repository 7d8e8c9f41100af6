"""Real servers for a test session; a machine without them skips, and says so."""

import itertools
from collections.abc import Iterator

import pytest

from kit.database import Database
from tests.support.servers import PostgresServer, RedisServer, find_postgres, find_redis

INSTALL = "install it with tests/support/install_servers.sh"
_names = (f"test_{number}" for number in itertools.count())


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    if find_postgres() is None:
        pytest.skip(f"PostgreSQL is missing: {INSTALL}")
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_url(postgres_server: PostgresServer) -> str:
    """A database that the whole session shares: SQLAlchemy's URL."""
    return postgres_server.create_database("shared")


@pytest.fixture
def empty_postgres_url(postgres_server: PostgresServer) -> str:
    """A database of the test's own."""
    return postgres_server.create_database(next(_names))


@pytest.fixture
def database(empty_postgres_url: str) -> Iterator[Database]:
    """For suites that run on SQLite elsewhere."""
    database = Database(empty_postgres_url)
    database.create_tables()
    yield database
    database.close()


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    if find_redis() is None:
        pytest.skip(f"Redis is missing: {INSTALL}")
    with RedisServer() as server:
        yield server.url
