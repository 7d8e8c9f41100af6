"""The real vLLM under the fleet: it starts, is replaced when it is killed, and leaves nothing."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from kit.catalogue import load
from services.generation.engines.launchers.process import ProcessLauncher
from services.generation.ports import Replica
from services.generation.service.fleet import Pools
from services.generation.service.scaling import Scaler
from services.generation.settings import GenerationSettings
from tests.support.platform import MODELS, UNDERCROFT
from tests.support.process_groups import guarded
from tests.support.vllm import NAME, START_SECONDS, Tiny, warmed

MODEL = "local.tiny"
pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


@asynccontextmanager
async def serving(weights: Path, folder: Path) -> AsyncIterator[Pools]:
    settings = GenerationSettings(folder=warmed(folder), vllm_cache_gib=1, vllm_max_num_seqs=8)
    models = load().with_folder(NAME, weights)
    pools = Pools(models, ProcessLauncher(settings), lambda: Scaler(8))
    async with pools.running():
        await pools.demand(MODEL, "test", 1)
        yield pools


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(START_SECONDS):
        while not holds():
            await asyncio.sleep(0.1)


def say(replica: Replica) -> dict[str, object]:
    body = {"model": MODEL, "prompt": "Say hello", "max_tokens": 4, "temperature": 0}
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(replica.socket))) as client:
        return client.post(f"{replica.url}/completions", json=body, timeout=60).json()


async def test_a_killed_server_is_replaced_and_a_stop_leaves_nothing(tiny: Tiny, tmp_path: Path):
    async with serving(tiny.model, tmp_path) as pools:
        assert pools.state(MODEL).status == "starting"
        await until(lambda: pools.replicas(MODEL))
        (first,) = pools.replicas(MODEL)
        said = say(first)["choices"]
        engine = max(guarded(tmp_path))
        os.kill(engine, signal.SIGKILL)
        await until(lambda: not pools.replicas(MODEL))
        await until(lambda: pools.replicas(MODEL))
        (second,) = pools.replicas(MODEL)
        assert second.id != first.id
        assert say(second)["choices"] == said
    assert not guarded(tmp_path)
    assert second.socket is not None
    assert not second.socket.parent.exists()


async def test_a_model_that_cannot_be_loaded_fails_with_what_vllm_says(tiny: Tiny, tmp_path: Path):
    weights = tmp_path / "model"
    shutil.copytree(tiny.model, weights)
    config = json.loads((weights / "config.json").read_text())
    (weights / "config.json").write_text(json.dumps(config | {"hidden_size": 128}))
    async with serving(weights, tmp_path) as pools:
        await until(lambda: pools.state(MODEL).status == "failed")
        state = pools.state(MODEL)
    assert "Error" in state.reason
    assert str(tmp_path / "logs") in state.reason
    assert state.retry_after >= 1


async def test_nothing_survives_a_platform_that_is_killed(tiny: Tiny, tmp_path: Path):
    """Killed while its server starts: that is when a server does not yet look after itself."""
    command = [UNDERCROFT, "up", "--port", "0", "--data", str(tmp_path), "--models", str(MODELS)]
    with (tmp_path / "log").open("wb") as log:
        platform = subprocess.Popen(
            [*command, "--model", f"{NAME}={tiny.model}"], stdout=log, stderr=log
        )
    try:
        await until(lambda: len(guarded(tmp_path)) >= 3)
    finally:
        platform.kill()
        platform.wait()
    began = time.monotonic()
    await until(lambda: not guarded(tmp_path))
    assert time.monotonic() - began < 30
