"""The platform as five processes, over a real PostgreSQL and a real Redis."""

from collections.abc import Iterator

import pytest

from tests.support.processes import Fleet, figures, running_fleet
from tests.support.servers import PostgresServer


@pytest.fixture(scope="module")
def fleet(
    postgres_server: PostgresServer, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    url = postgres_server.create_database(folder.name.replace("-", "_"))
    with running_fleet(folder, url, redis_url) as running:
        print(f"seconds to ready and MiB: {figures(running)}")  # noqa: T201 - `pytest -s` shows the figures
        yield running
