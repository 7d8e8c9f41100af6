"""Runs the benchmarks and writes what they found: `python -m benchmarks.run [NAME ...]`.

Figures go to `benchmarks/results/NAME.json`; the page docs/benchmarks.md is made of those files, so
that running one benchmark again renews its rows only.
"""

import argparse
import importlib
import json
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

from benchmarks.support import machine
from benchmarks.support.goals import NotMeasured
from benchmarks.support.page import page
from benchmarks.support.processes import ROOT

NAMES = (
    "gateway",
    "generation",
    "adapters",
    "generation_memory",
    "startup",
    "retrieve",
    "jobs",
    "index",
    "embeddings",
    "s3_upload",
)
"""In the order of the page. Each is a module here with `run() -> dict` and `verdicts` in it."""

RESULTS = Path(__file__).parent / "results"
_SAID = {True: "met   ", False: "MISSED", None: "-     "}
PAGE = ROOT / "docs" / "benchmarks.md"


def main() -> int:
    """1 where a benchmark failed; a goal that is missed, or cannot be measured here, is told."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="all when left out")
    names = parser.parse_args().names or NAMES
    RESULTS.mkdir(exist_ok=True)
    failed = [name for name in names if not _run(name)]
    PAGE.write_text(page({name: _read(name) for name in NAMES}), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _run(name: str) -> bool:
    """Whether it ran to its end; a failure is kept as the benchmark's result, with its reason."""
    print(f"{name} …", flush=True)
    began = time.monotonic()
    try:
        result: dict[str, Any] = importlib.import_module(f"benchmarks.{name}").run()
    except NotMeasured as error:
        print(f"  not measured: {error}")
        result = {"not_measured": str(error)}
    except Exception as error:  # noqa: BLE001 - whatever broke one, the others still run
        traceback.print_exc()
        result = {"failed": without_paths(f"{type(error).__name__}: {error}")}
    result |= {"machine": machine.description(), "seconds": round(time.monotonic() - began)}
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")
    for verdict in result.get("verdicts", ()):
        print(f"  {_SAID[verdict['met']]} {verdict['goal']}: {verdict['measured']}")
    return "failed" not in result


def without_paths(told: str) -> str:
    """What broke, for a page that everybody reads: without where this machine has the files."""
    for place in (ROOT, Path(sys.prefix), Path.home(), Path(tempfile.gettempdir())):
        if place != Path("/"):
            told = told.replace(f"{place}/", "").replace(str(place), ".")
    return told


def _read(name: str) -> dict[str, Any] | None:
    file = RESULTS / f"{name}.json"
    return json.loads(file.read_text()) if file.exists() else None


if __name__ == "__main__":
    sys.exit(main())
