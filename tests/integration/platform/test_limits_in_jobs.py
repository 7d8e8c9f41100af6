"""Limits and budgets hold in the processes of workers, where nobody has authenticated."""

from collections.abc import Iterator

import pytest

from tests.support.platform import Platform
from tests.support.processes import running_fleet
from tests.support.servers import PostgresServer
from tests.wire.limited_jobs import LimitedJobs, priced_models

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def metered(
    postgres_server: PostgresServer, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Platform]:
    folder = tmp_path_factory.mktemp("metered")
    url = postgres_server.create_database("metered")
    models = priced_models(folder / "models")
    with running_fleet(folder, url, redis_url, models=models) as fleet:
        yield fleet.platform


class TestCelery(LimitedJobs):
    pass
