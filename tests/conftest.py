"""Fixtures of the whole suite."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support.platform import Platform, given_platform, running_platform
from tests.support.vllm import tiny, vllm_platform, vllm_replica

__all__ = ["platform", "tiny", "vllm_platform", "vllm_replica"]

settings.register_profile("unhurried", deadline=None)  # a busy machine breaks no property
settings.load_profile("unhurried")


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in this hook too
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
        if _waits_for_vllm(item):
            item.add_marker(pytest.mark.timeout(900))


def _group(item: pytest.Item) -> str:
    """What one process of `pytest -n` runs: a file, and all that has a vLLM start."""
    path = item.path.relative_to(item.config.rootpath)
    starts_vllm = {"vllm", "examples"} & set(path.parts) or _waits_for_vllm(item)
    return "vllm" if starts_vllm else str(path)


def _waits_for_vllm(item: pytest.Item) -> bool:
    """The first of a session to need vLLM waits for its start too."""
    return bool({"vllm_platform", "vllm_replica"} & set(getattr(item, "fixturenames", ())))


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One platform for all wire tests of a session; each test uses names of its own."""
    if given := given_platform():
        yield given
        return
    with running_platform(tmp_path_factory.mktemp("platform")) as running:
        yield running
