"""Where an accelerator is at hand, the suite in this folder runs on it; this shows that it did."""

import shutil
import subprocess

import pytest

from tests.vllm.world import World

pytestmark = pytest.mark.gpu


def test_the_adapters_were_served_by_an_accelerator(world: World) -> None:
    if shutil.which("nvidia-smi") is None:
        pytest.skip("no accelerator is at hand: the suite ran on processors only")
    assert world.complete("es", 0) == world.expected["es"][0]
    query = ["nvidia-smi", "--query-compute-apps=used_memory", "--format=csv,noheader,nounits"]
    told = subprocess.run(query, check=True, capture_output=True, text=True).stdout
    assert any(int(line) > 0 for line in told.split())
