"""Fixtures of the whole suite."""

from collections.abc import Iterator

import pytest

from tests.support.platform import Platform, given_platform, running_platform
from tests.support.vllm import tiny, vllm_platform, vllm_replica

__all__ = ["platform", "tiny", "vllm_platform", "vllm_replica"]


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One platform for all wire tests of a session; each test uses names of its own."""
    if given := given_platform():
        yield given
        return
    with running_platform(tmp_path_factory.mktemp("platform")) as running:
        yield running
