"""The documents say what is so: links lead somewhere, commands exist, pages are current."""

import re
from pathlib import Path

import pytest

from undercroft.docs import pages

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")
MAKE = re.compile(r"`make ([a-z-]+)")
PATH = re.compile(
    r"`((?:undercroft|gateway|services|workers|dialects|contracts|integrations|kit|tests|docs|benchmarks|models|examples)/[\w./-]*)`"
)


@pytest.mark.parametrize("path", pages())
def test_a_generated_page_is_current(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == pages()[path], "run `make docs`"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    targets = LINK.findall(document.read_text())
    assert [target for target in targets if not (document.parent / target).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_paths_that_are_named_exist(document: Path) -> None:
    named = {path.rstrip("/.") for path in PATH.findall(document.read_text())}
    generated = {"benchmarks/results"}
    missing = {path for path in named - generated if not list(ROOT.glob(path))}
    assert missing == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_make_targets_that_are_named_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(MAKE.findall(document.read_text())) <= targets


def test_the_readme_leads_to_every_how_to() -> None:
    linked = set(LINK.findall((ROOT / "README.md").read_text()))
    how_tos = {f"docs/how-to/{path.name}" for path in (ROOT / "docs" / "how-to").glob("*.md")}
    assert how_tos - linked == set()


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs" / "decisions").glob("*.md"))
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_readme_shows_the_example_as_it_is() -> None:
    example = (ROOT / "examples" / "first_answer.py").read_text().split('"""', 2)[2].strip()
    assert f"```python\n{example}\n```" in (ROOT / "README.md").read_text()
