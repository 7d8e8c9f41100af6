"""Pieces of a chunk that an embedding model reads whole; their mean stands for the chunk."""

from dataclasses import dataclass

from services.search.service.chunking.packing import trimmed
from services.search.service.chunking.ruler import Ruler, TokenSpans


@dataclass(frozen=True, slots=True)
class Window:
    """A span of the text in code points, and the tokens that weigh it."""

    start: int
    end: int
    tokens: int


def windows(text: str, token_spans: TokenSpans, max_tokens: int) -> list[Window]:
    """Consecutive windows of at most `max_tokens`, of about the same size; at least one.

    A text that fits is one window, white space included; between windows white space is left out.
    """
    ruler = Ruler(text, token_spans)
    total = ruler.count(0, len(text))
    if total <= max_tokens:
        return [Window(0, len(text), total)]
    even = -(-total // -(-total // max_tokens))
    made: list[Window] = []
    start = 0
    while start < len(text):
        stop = ruler.forward(start, even, len(text))
        if (span := trimmed(text, start, stop)) is not None:
            made.append(Window(*span, ruler.count(*span)))
        start = stop
    return made or [Window(0, len(text), total)]
