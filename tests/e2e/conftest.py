"""The platform in containers, for a machine that has a Docker engine; elsewhere it skips."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.e2e.composed import START_SECONDS, Composed
from tests.support.compose import why_not
from tests.support.platform import Credentials, Platform
from tests.support.processes import answer
from undercroft.commands.secret_files import make


@pytest.fixture(scope="session")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    if lack := why_not():
        pytest.skip(f"the containers were not built or run: {lack}")
    folder = tmp_path_factory.mktemp("compose") / "secrets"
    make(folder)
    project = Composed(folder)
    try:
        project.up()
        deadline = time.monotonic() + START_SECONDS
        while answer(f"{project.url}/readyz") != 200:
            assert time.monotonic() < deadline, project.run("logs", check=False)[-8000:]
            time.sleep(1)
        yield project
    finally:
        project.down()


@pytest.fixture(scope="session")
def platform(composed: Composed, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """In place of the embedded platform: the same tests drive the containers."""
    nobody = Platform(
        composed.url,
        tmp_path_factory.mktemp("no-data"),
        Credentials("", "", ""),
        command=("docker", "compose", "exec", "-T", "gateway", "undercroft"),
        variables=composed.variables,
    )
    return replace(nobody, owner=nobody.keys("me"))
