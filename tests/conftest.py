"""Fixtures of the whole suite."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from tests.support.platform import Platform, given_platform, running_platform
from tests.support.vllm import tiny, vllm_platform, vllm_replica

__all__ = ["platform", "tiny", "vllm_platform", "vllm_replica"]

settings.register_profile("unhurried", deadline=None)  # a busy machine breaks no property
settings.load_profile("unhurried")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that is the first of its session to need vLLM waits for its start too."""
    slow = {"vllm_platform", "vllm_replica"}
    for item in items:
        if slow & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.timeout(900))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> "ByFile":
    return ByFile(config, log)


class ByFile(LoadFileScheduling):
    """Each process of `pytest -n` runs whole files, and one of them all that starts vLLM."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "vllm" if {"vllm", "examples"} & set(Path(file).parts) else file


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One platform for all wire tests of a session; each test uses names of its own."""
    if given := given_platform():
        yield given
        return
    with running_platform(tmp_path_factory.mktemp("platform")) as running:
        yield running
