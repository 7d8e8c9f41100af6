"""Whether a passage supports a claim: numbers, names, direction and words, without a model."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kit.text.facts import identifiers, names, number_keys, numbers, plain_terms, speaks_for_owner
from kit.text.sentences import sentence_spans
from kit.text.terms import stem
from services.search.service.answers.pairing import swapped

_LONGEST_WINDOW = 3
_NEGATION = re.compile(
    r"\b(?:not|no|never|none|neither|nor|without|cannot|nobody|nothing)\b|n['’]t\b",  # noqa: RUF001
    re.IGNORECASE,
)
_UPWARD = frozenset(map(stem, ["increase", "grow", "rise", "raise", "gain", "climb", "up"]))
_DOWNWARD = frozenset(map(stem, ["decrease", "fall", "decline", "drop", "lose", "shrink", "down"]))


@dataclass(frozen=True, slots=True)
class Window:
    """Some consecutive sentences of a passage; offsets are code points within it."""

    start: int
    end: int
    text: str
    terms: frozenset[str]
    facts: frozenset[str]
    """Keys of numbers, and identifiers."""
    negated: bool


@dataclass(frozen=True, slots=True)
class Support:
    """The best window for a claim; `overlap` is the share of the claim's words that it has."""

    window: Window
    overlap: float


class Evidence:
    """A passage prepared for any number of claims."""

    def __init__(self, text: str) -> None:
        self.windows = _windows(text)
        self.own_voice = speaks_for_owner(text)

    def best(self, claim: "Claim") -> Support | None:
        """The shortest window with every fact of the claim and most of its words, if any has."""
        found = [
            Support(window, claim.overlap(window))
            for window in self.windows
            if claim.facts_hold(window, own_voice=self.own_voice)
        ]
        if not found:
            return None
        return max(found, key=lambda one: (round(one.overlap, 2), -len(one.window.text)))


class Claim:
    """A sentence of an answer; `question` excuses names that a text in the first person omits."""

    def __init__(self, text: str, question: str = "") -> None:
        self._text = text
        self.terms = frozenset(plain_terms(text))
        self._facts = number_keys(text) | identifiers(text)
        self._names = names(text)
        self._asked = frozenset(plain_terms(question))
        self._negated = _NEGATION.search(text) is not None
        self._directions = _directions(self.terms)

    @property
    def says_something(self) -> bool:
        """Whether there is enough in it to look for support where none was named."""
        return bool(self._facts) or len(self.terms) >= 2

    def facts_hold(self, window: Window, *, own_voice: bool) -> bool:
        """Every number, identifier and name is there, and nothing says the opposite."""
        missing = self._names - window.terms
        if own_voice:
            missing -= self._asked
        return (
            self._facts <= window.facts
            and not missing
            and self._negated == window.negated
            and not _opposed(self._directions, _directions(window.terms))
            and not swapped(self._text, window.text)
        )

    def overlap(self, window: Window) -> float:
        if not self.terms:
            return 1.0 if self._facts else 0.0
        return len(self.terms & window.terms) / len(self.terms)


def _directions(terms: frozenset[str]) -> frozenset[str]:
    return frozenset(
        name for name, words in (("up", _UPWARD), ("down", _DOWNWARD)) if terms & words
    )


def _opposed(one: frozenset[str], other: frozenset[str]) -> bool:
    return bool(one and other and not one & other)


def _windows(text: str) -> Sequence[Window]:
    """Every run of one to three sentences."""
    single = [_sentence(text, start, end) for start, end in sentence_spans(text)]
    return [
        _joined(text, single[first : first + length])
        for first in range(len(single))
        for length in range(1, min(_LONGEST_WINDOW, len(single) - first) + 1)
    ]


def _sentence(text: str, start: int, end: int) -> Window:
    part = text[start:end]
    amounts = numbers(part)
    return Window(
        start=start,
        end=end,
        text=part,
        terms=frozenset(plain_terms(part, amounts)),
        facts=frozenset({amount.key for amount in amounts} | identifiers(part, amounts)),
        negated=_NEGATION.search(part) is not None,
    )


def _joined(text: str, parts: Sequence[Window]) -> Window:
    if len(parts) == 1:
        return parts[0]
    start, end = parts[0].start, parts[-1].end
    return Window(
        start=start,
        end=end,
        text=text[start:end],
        terms=frozenset().union(*(part.terms for part in parts)),
        facts=frozenset().union(*(part.facts for part in parts)),
        negated=any(part.negated for part in parts),
    )
