"""Each process starts with the libraries of its own extras: an image holds no others."""

import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, packages_distributions, requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.compose import ROOT, compose_file

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OBJECTS_IN_S3 = "integrations.aws.client, integrations.aws.blobs"
ENTRIES = {
    "gateway": f"gateway.__main__, {OBJECTS_IN_S3}",
    "search": f"services.search.__main__, services.search.engines.index.qdrant, {OBJECTS_IN_S3}",
    "generation": f"services.generation.__main__, {OBJECTS_IN_S3}",
    "worker": f"workers.__main__, kombu.transport.redis, {OBJECTS_IN_S3}",
    "dispatcher": "workers.__main__, kombu.transport.redis",
}


def distributions(requirements: list[str]) -> set[str]:
    """What an installer brings for these requirements, by name."""
    found: set[tuple[str, str]] = set()
    left = [Requirement(text) for text in requirements]
    while left:
        wanted = left.pop()
        for extra in ("", *wanted.extras):
            key = (canonicalize_name(wanted.name), extra)
            if key in found:
                continue
            found.add(key)
            left += [one for one in _needs(wanted.name) if _applies(one, extra)]
    return {name for name, _ in found}


def _needs(name: str) -> list[Requirement]:
    try:
        return [Requirement(text) for text in requires(name) or ()]
    except PackageNotFoundError:  # not for this machine
        return []


def _applies(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def imports_with(modules: str, extras: list[str]) -> subprocess.CompletedProcess[str]:
    """Imports the modules where only these extras are installed."""
    optional: dict[str, list[str]] = PROJECT["optional-dependencies"]
    asked = sum((optional[extra] for extra in extras), list(PROJECT["dependencies"]))
    there = distributions(asked) | {"undercroft"}
    absent = [
        module
        for module, owners in packages_distributions().items()
        if not {canonicalize_name(owner) for owner in owners} & there
    ]
    code = f"import sys\nfor name in {absent!r}: sys.modules[name] = None\nimport {modules}\n"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", ENTRIES)
def test_a_process_starts_with_the_extras_of_its_image(name: str) -> None:
    extras = compose_file()["services"][name]["build"]["args"]["EXTRAS"].split(",")
    done = imports_with(ENTRIES[name], extras)
    assert done.returncode == 0, done.stderr


def test_the_command_line_needs_no_extra() -> None:
    done = imports_with("undercroft.cli", [])
    assert done.returncode == 0, done.stderr


def test_a_missing_library_is_seen() -> None:
    assert "ModuleNotFoundError" in imports_with("celery", []).stderr
