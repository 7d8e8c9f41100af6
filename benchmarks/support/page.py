"""docs/benchmarks.md, made of the benchmarks' results alone."""

from collections.abc import Mapping
from typing import Any

_HEAD = """# Benchmarks

Made by `make bench`; `python -m benchmarks.run gateway` measures one again. Each goal stands in
`benchmarks/` beside what measures it, with all the figures in `benchmarks/results/`. A share of a
busy machine measures the others on it as much as the platform, so the load is told with the figure.

"""
_TABLE = "| Goal | Measured | | How, and what to know of it |\n|---|---|---|---|\n"

_MET = {True: "met", False: "**missed**", None: ""}


def page(results: Mapping[str, dict[str, Any] | None]) -> str:
    """A table of goals, or what failed, under the machine that it ran on."""
    machines: dict[str, list[str]] = {}
    for name, result in results.items():
        if result is None:
            machines.setdefault("Not measured", []).append(f"| {name} | | | not run yet |\n")
        else:
            machines.setdefault(f"On {result['machine']}", []).extend(_rows(name, result))
    tables = [f"{where}:\n\n{_TABLE}{''.join(rows)}" for where, rows in machines.items()]
    return _HEAD + "\n".join(tables)


def _rows(name: str, result: dict[str, Any]) -> list[str]:
    if "failed" in result:
        return [f"| {name} | | **failed** | {_cell(result['failed'])} |\n"]
    if "not_measured" in result:
        return [f"| {name} | not measured | | {_cell(result['not_measured'])} |\n"]
    return [
        f"| {_cell(verdict['goal'])} | {_cell(verdict['measured'])} "
        f"| {_MET[verdict['met']]} | {_cell(verdict['reason'])} |\n"
        for verdict in result["verdicts"]
    ]


def _cell(text: str) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")
