"""Cuts an answer that comes in parts into sentences, each with the marks that belong to it."""

from collections.abc import Iterator
from dataclasses import dataclass

from kit.text.sentences import sentence_spans
from services.search.service.answers.markers import Mark

LOOK_AHEAD = 440
"""Code points after a sentence that may still change where it ends (see kit.text.sentences)."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """`start` and `end` (exclusive) are offsets of the whole answer."""

    start: int
    end: int
    text: str
    gap: str
    """The white space before it."""
    numbers: tuple[int, ...]
    """The passages that its markers name, counted from 1 and unverified."""


class SentenceReader:
    """Gives each sentence once its end is certain; how the parts are cut does not matter."""

    def __init__(self) -> None:
        self._text = ""
        self._base = 0  # the offset of `_text` in the answer
        self._marks: list[Mark] = []

    def feed(self, text: str, marks: list[Mark]) -> Iterator[Sentence]:
        self._text += text
        self._marks += marks
        while len(self._text) > LOOK_AHEAD:
            spans = sentence_spans(self._text)
            if len(spans) < 2 or spans[0][1] + LOOK_AHEAD > len(self._text):
                return
            yield self._take(spans)

    def finish(self) -> Iterator[Sentence]:
        while spans := sentence_spans(self._text):
            yield self._take(spans)

    def _take(self, spans: list[tuple[int, int]]) -> Sentence:
        start, end = spans[0]
        following = spans[1][0] if len(spans) > 1 else len(self._text)
        own = [mark for mark in self._marks if mark.offset <= self._base + following]
        self._marks = self._marks[len(own) :]
        numbers = tuple(dict.fromkeys(mark.number for mark in own))
        found = Sentence(
            start=self._base + start,
            end=self._base + end,
            text=self._text[start:end],
            gap=self._text[:start],
            numbers=numbers,
        )
        self._text = self._text[end:]
        self._base += end
        return found
