"""Limits and budgets hold in the jobs of the embedded platform."""

from collections.abc import Iterator

import pytest

from tests.support.platform import Platform, running_platform
from tests.wire.limited_jobs import LimitedJobs, priced_models


@pytest.fixture(scope="module")
def metered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    folder = tmp_path_factory.mktemp("metered")
    models = str(priced_models(folder / "models"))
    with running_platform(folder / "data", env={"GENERATION_MODELS": models}) as platform:
        yield platform


class TestEmbedded(LimitedJobs):
    pass
