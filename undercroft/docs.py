"""Writes the pages that are generated from the code: `python -m undercroft.docs`."""

from pathlib import Path

from gateway.aws.compatibility import render

DOCS = Path(__file__).resolve().parent.parent / "docs"


def pages() -> dict[Path, str]:
    """Each generated page with what it should say now."""
    return {DOCS / "compatibility.md": render()}


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
