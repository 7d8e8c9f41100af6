"""LiteLLM's proxy as a peer, from an environment of its own that `make litellm` makes."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.support.platform import free_port
from benchmarks.support.processes import ROOT, pinned, process

PROGRAM = ROOT / ".venv-litellm" / "bin" / "litellm"
ABSENT = "LiteLLM is not installed: `make litellm`"
KEY = "sk-bench"
_PATIENCE = 120.0
_CONFIG = """
model_list:
  - model_name: echo
    litellm_params: {{model: openai/echo, api_base: "{upstream}", api_key: none}}
general_settings: {{master_key: {key}}}
litellm_settings: {{drop_params: true, telemetry: false}}
"""


def is_installed() -> bool:
    return PROGRAM.exists()


@contextmanager
def proxy(folder: Path, upstream: str, core: int) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Its port and process: one worker, a master key, no database, so no usage and no audit."""
    config = folder / "litellm.yaml"
    config.write_text(_CONFIG.format(upstream=upstream, key=KEY))
    port = free_port()
    command = [str(PROGRAM), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    env = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    env["PATH"] = f"{PROGRAM.parent}:{os.environ['PATH']}"
    with (
        (folder / "litellm.log").open("wb") as log,
        process(pinned(core, command), env=env, log=log) as running,
    ):
        _wait(port, running, folder / "litellm.log")
        yield port, running


def _wait(port: int, running: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and running.poll() is None:
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise RuntimeError(f"LiteLLM did not start: {log.read_text()[-500:]}")
