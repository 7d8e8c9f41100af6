"""How soon the platform is ready after set-up, and how much memory it holds."""

import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.support import knowledge, machine
from benchmarks.support.goals import Goal
from benchmarks.support.platform import platform
from benchmarks.support.processes import ROOT, cpu_seconds, resident_mib

STARTS = 5
IDLE = 10.0
GOALS = {
    "ready": Goal("Start of `undercroft up` after set-up, to ready", "at most", 4, "s"),
    "idle": Goal("Idle memory", "at most", 600, "MiB"),
}


def run() -> dict[str, Any]:
    """Seconds to ready on fresh and on used data; MiB when idle, and after a first Retrieve."""
    fresh, again, spent = [], [], []
    for number in range(STARTS):
        print(f"  startup: start {number + 1} of {STARTS}", flush=True)
        with _folder() as data:
            with platform(data) as running:
                fresh.append(running.ready_after)
            with platform(data) as running:
                again.append(running.ready_after)
                spent.append(cpu_seconds(running.process.pid))
    memory = _memory()
    reason = (
        f"median of {STARTS} on data of its own, {min(again):.2f} to {max(again):.2f}; on an empty "
        f"folder {statistics.median(fresh):.2f}; {statistics.median(spent):.2f} s of processor "
        f"time; load average {machine.load()}"
    )
    beside = f"{IDLE:.0f} s after the start; {memory['after_retrieve_mib']} after a first Retrieve"
    return {
        "ready_s": again,
        "ready_fresh_s": fresh,
        "cpu_s": spent,
        **memory,
        "verdicts": [
            GOALS["ready"].judge(statistics.median(again), reason),
            GOALS["idle"].judge(memory["idle_mib"], beside),
        ],
    }


def _memory() -> dict[str, float]:
    with _folder() as data, platform(data) as running:
        time.sleep(IDLE)
        idle = resident_mib(running.process.pid)
        base = knowledge.fill(running, documents=5)
        knowledge.retrieve(running, base, "What does the first report say?")
        after = resident_mib(running.process.pid)
    return {"idle_mib": round(idle, 1), "after_retrieve_mib": round(after, 1)}


class _folder:  # noqa: N801 - used as a function
    """A data folder on the disk that the platform would use."""

    def __enter__(self) -> Path:
        self._path = Path(tempfile.mkdtemp(prefix="bench-startup-", dir=ROOT / ".undercroft"))
        return self._path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._path)


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
