"""The memory of the whole platform over ten thousand generations, whole and streamed.

Over an echo upstream, so that it is our own memory and nobody else's. The first tenth fills pools
and caches; what is measured is how much is added after it.
"""

import json
import shutil
import subprocess
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.support import machine
from benchmarks.support.goals import Goal
from benchmarks.support.load import Load
from benchmarks.support.platform import platform
from benchmarks.support.processes import ROOT, module, process, resident_mib
from benchmarks.support.requests import openai_requests

REQUESTS = 10_000
STEPS = 10
CONNECTIONS = 16
MODEL = "echo"
SECONDS = 2.0  # of each burst
GROWTH = Goal("Memory added over 10,000 generations, after the first 1,000", "at most", 5, "MiB")


def run() -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix="bench-memory-", dir=ROOT / ".undercroft"))
    try:
        with process(module("benchmarks.support.echo")) as echo:
            assert echo.stdout is not None
            upstream = f"http://127.0.0.1:{int(echo.stdout.readline())}/v1"
            env = {"GENERATION_OPENAI_BASE_URL": upstream, "GENERATION_OPENAI_MODEL": MODEL}
            with platform(folder / "data", env=env) as ours:
                points = _points(ours.port, ours.variables["OPENAI_API_KEY"], ours.process.pid)
    finally:
        shutil.rmtree(folder)
    first, last = points[0], points[-1]
    reason = (
        f"{first['mib']:.1f} MiB after {first['requests']:,} requests, {last['mib']:.1f} after "
    )
    reason += f"{last['requests']:,}, half of them streams"
    verdict = GROWTH.judge(round(last["mib"] - first["mib"], 1), reason)
    return {"points": points, "load": machine.load(), "verdicts": [verdict]}


def _points(port: int, key: str, pid: int) -> list[dict[str, float]]:
    """What is resident after each tenth of the requests."""
    kinds = [openai_requests(port, key, MODEL, stream=stream) for stream in (False, True)]
    points, sent, bursts = list[dict[str, float]](), 0, 0
    while sent < REQUESTS:
        sent += _burst(port, kinds[bursts % 2])
        bursts += 1
        if sent >= REQUESTS / STEPS * (len(points) + 1):
            points.append({"requests": sent, "mib": round(resident_mib(pid), 2)})
            print(f"  memory: {sent} requests, {points[-1]['mib']} MiB", flush=True)
    return points


def _burst(port: int, requests: list[str]) -> int:
    """How many were answered; raises where one was refused."""
    load = Load(port, requests, CONNECTIONS, SECONDS)
    done = subprocess.run(
        module("benchmarks.support.load"),
        input=json.dumps(asdict(load)).encode(),
        stdout=subprocess.PIPE,
        check=True,
        cwd=ROOT,
    )
    statuses: dict[str, int] = json.loads(done.stdout)["statuses"]
    if set(statuses) != {"200"}:
        raise RuntimeError(f"not every request went well: {statuses}")
    return statuses["200"]


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
