"""Measures a text in tokens, piece by piece, so that any length takes linear time."""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator

TokenSpans = Callable[[str], list[tuple[int, int]]]
"""Start and end of each token of a text, in code points (ports.Embedder.token_spans)."""

_PIECE = 8192
_LONGEST = 64  # characters; a tokenizer may make one "unknown" token of a megabyte
_WORD_SEARCH = 4  # a cut moves back to a word's start within this fraction of its length


class Ruler:
    """Where the tokens of a text begin; spans of it are counted by the tokens that begin in them.

    Stretches without tokens (white space, what a tokenizer drops) and very long tokens count one
    per 64 characters, so a bound in tokens always bounds the characters too.
    """

    def __init__(self, text: str, token_spans: TokenSpans) -> None:
        self._text = text
        self._starts = array("I")
        end = 0
        for low, high in _pieces(text):
            for start, stop in token_spans(text[low:high]):
                end = self._add(max(low + start, end), low + stop, end)
        self._fill(end, len(text))

    def _add(self, start: int, stop: int, end: int) -> int:
        """One token; returns where the covered part of the text ends now."""
        self._fill(end, start)
        if stop <= start:  # another token of the same character, or an empty one
            if stop == end and self._starts:
                self._starts.append(self._starts[-1])
            return end
        self._starts.extend(range(start, stop, _LONGEST))
        return stop

    def _fill(self, start: int, stop: int) -> None:
        if stop - start > _LONGEST:
            self._starts.extend(range(start, stop, _LONGEST))

    def count(self, start: int, end: int) -> int:
        """Tokens that begin in the span; at least 1, so that all text weighs something."""
        return max(1, self._index(end) - self._index(start))

    def forward(self, start: int, tokens: int, end: int) -> int:
        """The furthest place up to `end` with at most `tokens` from `start`, best at a word."""
        starts = self._starts
        first = self._index(start)
        at = first + tokens
        if at >= len(starts) or starts[at] >= end:
            return end
        while at > first and starts[at] == starts[at - 1]:  # not inside one character's tokens
            at -= 1
        if starts[at] <= start:  # one character alone has more tokens than asked
            return self._after(start, at, end)
        for earlier in range(at, max(first, at - max(1, tokens // _WORD_SEARCH)), -1):
            if starts[earlier] > start and self._begins_word(starts[earlier]):
                return starts[earlier]
        return starts[at]

    def backward(self, end: int, tokens: int, start: int) -> int:
        """The earliest place from `start` on with at most `tokens` to `end`, best at a word."""
        starts = self._starts
        last = self._index(end)
        at = max(last - tokens, self._index(start))
        while 0 < at < last and starts[at] == starts[at - 1]:
            at += 1
        for later in range(at, min(last, at + tokens // _WORD_SEARCH + 1)):
            if self._begins_word(starts[later]):
                return max(start, starts[later])
        return max(start, starts[at]) if at < last else end

    def _after(self, start: int, at: int, end: int) -> int:
        while at < len(self._starts) and self._starts[at] <= start:
            at += 1
        return min(end, self._starts[at]) if at < len(self._starts) else end

    def _begins_word(self, at: int) -> bool:
        return at == 0 or self._text[at - 1].isspace()

    def _index(self, at: int) -> int:
        return bisect_left(self._starts, at)


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    """Spans of at most 8,192 characters, cut before white space where there is any."""
    low = 0
    while len(text) - low > _PIECE:
        high = low + _PIECE
        for at in range(high, low + _PIECE // 2, -1):
            if text[at].isspace():
                high = at
                break
        yield low, high
        low = high
    if low < len(text):
        yield low, len(text)
