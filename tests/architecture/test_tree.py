"""Rules about the code that no linter holds."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (
    "undercroft", "gateway", "services", "workers", "dialects", "contracts", "integrations", "kit",
)  # fmt: skip
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
MOST_LINES = 400
MOST_FUNCTION_LINES = 60
SERVICE_VOCABULARY = {
    "__init__.py",
    "__main__.py",
    "app.py",
    "endpoints.py",
    "ports.py",
    "service.py",
    "settings.py",
}
SERVICE_FOLDERS = {"composition", "endpoints", "engines", "service", "repository"}


def test_a_file_is_one_idea() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for path in [*SOURCES, *TESTS]
        if (count := len(path.read_text().splitlines())) > MOST_LINES
    }
    assert long == {}


def test_a_function_fits_on_a_screen() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno > MOST_FUNCTION_LINES
        and not any(isinstance(inner, ast.AsyncFunctionDef) for inner in node.body)
    ]
    assert long == []


def test_packages_are_marked_by_empty_files() -> None:
    full = [path for path in SOURCES if path.name == "__init__.py" and path.read_text().strip()]
    assert full == []


def test_a_service_has_only_the_files_that_every_service_has() -> None:
    for service in (ROOT / "services").iterdir():
        if not (service / "app.py").exists():
            continue
        inside = {path.name for path in service.iterdir() if path.name != "__pycache__"}
        assert inside <= SERVICE_VOCABULARY | SERVICE_FOLDERS, service.name


def test_nothing_is_left_for_later() -> None:
    marks = re.compile(r"\b(?:TODO|FIXME|XXX)\b|raise NotImplementedError")
    left = [str(path) for path in SOURCES if marks.search(path.read_text())]
    assert left == []


@pytest.mark.parametrize("banned", ["pickle", "shelve", "marshal", "dill", "joblib", "cloudpickle"])
def test_nothing_that_runs_code_when_it_is_read_is_imported(banned: str) -> None:
    statement = re.compile(rf"^\s*(?:import|from)\s+{banned}\b", re.MULTILINE)
    assert [str(path) for path in SOURCES if statement.search(path.read_text())] == []


def test_no_text_of_a_person_becomes_code() -> None:
    calls = {"eval", "exec", "compile", "__import__"}
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in calls
    ]
    assert found == []


def test_what_is_generated_or_large_is_not_in_the_repository() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    files = [ROOT / name for name in listed.split("\0") if name]
    large = [str(path) for path in files if path.exists() and path.stat().st_size > 1 << 20]
    assert large == []
