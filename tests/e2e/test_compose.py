"""What holds of the containers themselves; the client suite beside it drives them."""

import time
from pathlib import Path

import pytest

from tests.e2e.composed import Composed
from tests.support.clients import drive
from tests.support.platform import Platform
from tests.support.processes import answer
from tests.wire.knowledge import Knowledge

pytestmark = [pytest.mark.compose, pytest.mark.timeout(3600)]
OURS = ("gateway", "search", "generation", "worker", "dispatcher")


def test_the_client_suite_passes(platform: Platform, tmp_path: Path) -> None:
    drive(platform, tmp_path)


def test_what_was_stored_outlives_the_containers(composed: Composed, platform: Platform) -> None:
    base = Knowledge.create(platform)
    base.put("oak.txt", "The oldest oak of the park was planted in 1702.")
    base.sync()
    composed.run("restart", "--timeout", "60")
    deadline = time.monotonic() + 120
    while answer(f"{platform.url}/readyz") != 200:
        assert time.monotonic() < deadline
        time.sleep(1)
    assert "1702" in base.retrieve("When was the oldest oak planted?")[0]["content"]["text"]


@pytest.mark.parametrize("service", OURS)
def test_a_container_can_write_nothing_but_its_volumes(composed: Composed, service: str) -> None:
    trial = "import os; print(os.getuid()); open('/app/x', 'w')"
    said = composed.run("exec", "-T", service, "python", "-c", trial, check=False)
    assert said.strip() == "10001"


@pytest.mark.parametrize("service", ["search", "worker"])
def test_there_is_no_way_out_but_through_generation(composed: Composed, service: str) -> None:
    trial = (
        "import socket\n"
        "try: socket.create_connection(('1.1.1.1', 443), 3)\n"
        "except OSError: print('closed')"
    )
    assert composed.run("exec", "-T", service, "python", "-c", trial).strip() == "closed"
