"""Whole sentences put together up to a number of tokens, with overlap."""

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence

from services.search.service.chunking.ruler import Ruler

Span = tuple[int, int]


def fitting(text: str, sentences: Sequence[Span], ruler: Ruler, max_tokens: int) -> list[Span]:
    """The sentences, those longer than `max_tokens` cut at lines, else at words, else at tokens."""
    units: list[Span] = []
    for start, end in sentences:
        if ruler.count(start, end) <= max_tokens:
            units.append((start, end))
            continue
        for line in _lines(text, start, end):
            units.extend(_cut(text, line, ruler, max_tokens))
    return units


def pack(
    units: Sequence[Span],
    ruler: Ruler,
    max_tokens: int,
    *,
    overlap_tokens: int = 0,
    headings: Collection[int] = (),
) -> list[Span]:
    """Spans of consecutive units. One ends early, when it is half full, before a heading."""
    spans: list[Span] = []
    if not units:
        return spans
    marked = frozenset(headings)
    start, end = units[0]
    for unit in units[1:]:
        full = ruler.count(start, unit[1]) > max_tokens
        if full or (unit[0] in marked and 2 * ruler.count(start, end) >= max_tokens):
            spans.append((start, end))
            start = _restart(start, end, unit, ruler, max_tokens, overlap_tokens)
        end = unit[1]
    spans.append((start, end))
    return spans


def within(spans: Sequence[Span], start: int, end: int) -> list[Span]:
    """The parts of ordered, disjoint spans that lie in one span."""
    first = bisect_right(spans, start, key=lambda span: span[1])
    clipped: list[Span] = []
    for at in range(first, len(spans)):  # a slice for each would copy all that comes after
        low, high = spans[at]
        if low >= end:
            break
        clipped.append((max(low, start), min(high, end)))
    return clipped


def trimmed(text: str, start: int, end: int) -> Span | None:
    """The span without white space around it; None when nothing is left."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else None


def _restart(
    start: int, end: int, unit: Span, ruler: Ruler, max_tokens: int, overlap_tokens: int
) -> int:
    """Where the chunk that adds `unit` begins: before it by the overlap, as far as there is room.

    Always behind the start of the chunk before, so that no chunk contains another.
    """
    room = min(overlap_tokens, max_tokens - ruler.count(*unit))
    if room <= 0:
        return unit[0]
    begin = ruler.backward(end, room, start + 1)
    while begin < end and ruler.count(begin, unit[1]) > max_tokens:  # what lies between the units
        room -= 1
        begin = ruler.backward(end, room, start + 1) if room else end
    return begin if begin < end else unit[0]


def _lines(text: str, start: int, end: int) -> Iterator[Span]:
    at = start
    while at < end:
        following = text.find("\n", at, end) + 1 or end
        if (line := trimmed(text, at, following)) is not None:
            yield line
        at = following


def _cut(text: str, span: Span, ruler: Ruler, max_tokens: int) -> Iterator[Span]:
    start, end = span
    while start < end:
        stop = ruler.forward(start, max_tokens, end)
        if (piece := trimmed(text, start, stop)) is not None:
            yield piece
        start = stop
