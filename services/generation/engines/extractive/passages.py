"""Cuts passages into sentences and gathers what scoring needs to know of each."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from kit.text.facts import Number, identifiers, names, numbers, plain_terms, speaks_for_owner
from kit.text.sentences import is_row, sentence_spans

_SPACE = re.compile(r"\s+")
_HEADING_LENGTH = 100
_CONTEXT = 2
_SMOOTHING = 8


@dataclass(frozen=True, slots=True)
class Sentence:
    """`near_*` tell of the heading and of the sentences just before; `passage` is a number.

    `columns` are the stems of what the columns are called, where it is a row of a table.
    """

    text: str
    passage: int
    position: int
    terms: frozenset[str]
    columns: frozenset[str]
    names: frozenset[str]
    identifiers: frozenset[str]
    numbers: tuple[Number, ...]
    near_terms: frozenset[str]
    near_keys: frozenset[str]
    is_heading: bool

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(number.key for number in self.numbers)


@dataclass(frozen=True, slots=True)
class Collection:
    """Every sentence of the passages, with how rare each stem is among them."""

    sentences: tuple[Sentence, ...]
    rarity: dict[str, float]
    unseen: float
    """The rarity of a stem that no sentence has."""
    own_voice: bool
    """Whether the texts speak of their owner as "we", and so leave its name out."""

    def weight(self, term: str) -> float:
        return self.rarity.get(term, self.unseen)


def collect(passages: Sequence[str]) -> Collection:
    """Keeps the first of sentences that read alike."""
    seen: set[str] = set()
    sentences: list[Sentence] = []
    for index, passage in enumerate(passages):
        for sentence in _sentences(index, passage):
            folded = sentence.text.casefold()
            if folded not in seen:
                seen.add(folded)
                sentences.append(sentence)
    counts = Counter(term for sentence in sentences for term in sentence.terms)
    total = len(sentences)
    return Collection(
        sentences=tuple(sentences),
        rarity={term: _rarity(total, count) for term, count in counts.items()},
        unseen=_rarity(total, 0),
        own_voice=any(speaks_for_owner(passage) for passage in passages),
    )


def _rarity(total: int, count: int) -> float:
    """BM25's inverse document frequency, as if among some more sentences without the stem.

    They keep the few sentences of a short passage from making every word common.
    """
    return math.log(1 + (total + _SMOOTHING - count + 0.5) / (count + 0.5))


def _sentences(index: int, passage: str) -> list[Sentence]:
    spans = sentence_spans(passage)
    texts = [_SPACE.sub(" ", passage[start:end]) for start, end in spans]
    amounts = [tuple(numbers(text)) for text in texts]
    terms = [
        frozenset(plain_terms(text, found)) for text, found in zip(texts, amounts, strict=True)
    ]
    rows = [is_row(passage, start, end) for start, end in spans]
    headings = [
        _names_columns(text, at > 0 and rows[at - 1]) if rows[at] else _is_heading(text)
        for at, text in enumerate(texts)
    ]
    found = []
    heading = -1
    for at, text in enumerate(texts):
        if headings[at]:
            heading = at
        in_table = rows[at] and heading >= 0 and rows[heading] and heading != at
        around = {*range(max(0, at - _CONTEXT), at), heading} - {-1, at}
        found.append(
            Sentence(
                text=text,
                passage=index,
                position=at,
                terms=terms[at],
                columns=terms[heading] if in_table else frozenset(),
                names=frozenset(names(text)),
                identifiers=frozenset(identifiers(text, amounts[at])),
                numbers=amounts[at],
                near_terms=frozenset().union(*(terms[i] for i in around)),
                near_keys=frozenset(number.key for i in around for number in amounts[i]),
                is_heading=headings[at],
            )
        )
    return found


def _names_columns(row: str, follows_row: bool) -> bool:
    """Whether it is the first row of a table and looks like names rather than values."""
    return not follows_row and not any(map(str.isdigit, row))


def _is_heading(text: str) -> bool:
    return len(text) <= _HEADING_LENGTH and text[-1] not in ".!?…。！？:;,\"'”)"  # noqa: RUF001
