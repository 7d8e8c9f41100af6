"""Finds where paragraphs of a PDF page end: it has lines at heights, and no paragraphs."""

from itertools import pairwise

import pypdfium2

_WIDER = 1.3  # than the usual step between lines: the gap after a heading or a paragraph


def with_paragraphs(page: pypdfium2.PdfTextPage, text: str) -> str:
    """The page's text (lines end in CR LF) with an empty line where the gap between lines is wide.

    Unchanged where characters of the text cannot be told by their place on the page, as for text
    that reaches over the page's edge.
    """
    if page.count_chars() != len(text) or page.get_text_range() != text:
        return text
    lines = text.split("\r\n")
    heights = _heights(page, lines)
    steps = [_step(above, below) for above, below in pairwise(heights)]
    down = sorted(step for step in steps if step > 0)
    if not down:
        return text
    wide = _WIDER * down[len(down) // 4]
    parts = [lines[0]]
    for step, line in zip(steps, lines[1:], strict=True):
        parts += ["", line] if step > wide else [line]
    return "\r\n".join(parts)


def _heights(page: pypdfium2.PdfTextPage, lines: list[str]) -> list[float | None]:
    """Of each line's lower edge, whatever letters it has; None for a line without any."""
    heights: list[float | None] = []
    start = 0
    for line in lines:
        inked = len(line) - len(line.lstrip())
        at = start + inked if line.strip() else None
        heights.append(None if at is None else page.get_charbox(at, loose=True)[1])
        start += len(line) + 2
    return heights


def _step(above: float | None, below: float | None) -> float:
    return 0.0 if above is None or below is None else above - below
