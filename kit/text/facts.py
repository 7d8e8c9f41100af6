"""Numbers, identifiers and names of a text, in forms that compare: "$245B" is "245 billion"."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from kit.text.terms import STOPWORDS, stem, word_spans

_SCALES = {
    "k": 10**3, "thousand": 10**3, "m": 10**6, "mn": 10**6, "million": 10**6, "b": 10**9,
    "bn": 10**9, "billion": 10**9, "t": 10**12, "tn": 10**12, "trillion": 10**12,
}  # fmt: skip
_UNITS = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15,
    "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30,
    "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
    "dozen": 12, "hundred": 100,
}  # fmt: skip
_NUMBER = re.compile(
    rf"""
    (?<![\w.,])(?P<currency>[$€£¥₹]\s?)?
    (?: (?P<digits>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?)
        (?P<short>[bmkt]|bn|mn|tn)?
      | (?P<word>{"|".join(_UNITS)}) )
    (?!\w)
    (?:[\s-]?(?P<scale>thousand|million|billion|trillion|bn|mn|tn)\b)?
    (?P<percent>\s?%|[\s-]percent(?:age)?\b|\sper\scent\b)?
    (?P<money>\s(?:dollars|euros|pounds|usd|eur|gbp)\b)?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]+)+")
_IDENTIFIER = re.compile(
    r"(?<![\w-])(?=[\w-]*[A-Za-z])(?=[\w-]*\d)[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*\b"
)
_OWN_VOICE = re.compile(r"\b(?:we|our|ours|us|the\s+(?:company|registrant|firm))\b", re.IGNORECASE)
_ADJACENT = re.compile(r"[A-Za-z]\d|\d[A-Za-z]")
_SENTENCE_START = re.compile(r"(?:^|[.!?:;\n•])[\s\"'“‘(\[]*$")  # noqa: RUF001


@dataclass(frozen=True, slots=True)
class Number:
    """`key` is equal for equal amounts; percents never equal plain numbers."""

    key: str
    unit: Literal["percent", "money", "plain"]
    is_year: bool
    start: int
    end: int


def numbers(text: str) -> list[Number]:
    """Every amount of the text, digits and number words from two up alike."""
    return [_number(match) for match in _NUMBER.finditer(text)]


def _number(match: re.Match[str]) -> Number:
    digits = match["digits"]
    value = Decimal(digits.replace(",", "") if digits else _UNITS[match["word"].lower()])
    for scale in (match["short"], match["scale"]):
        value *= _SCALES[scale.lower()] if scale else 1
    unit: Literal["percent", "money", "plain"] = "plain"
    if match["percent"]:
        unit = "percent"
    elif match["currency"] or match["money"]:
        unit = "money"
    plain = f"{value.normalize():f}"
    bare = unit == "plain" and match.group() == digits
    is_year = bare and len(digits or "") == 4 and 1800 <= value < 2200
    key = plain + "%" if unit == "percent" else plain
    return Number(key, unit, is_year, match.start(), match.end())


def number_keys(text: str) -> set[str]:
    return {number.key for number in numbers(text)}


def _is_within(start: int, end: int, spans: Sequence[tuple[int, int]]) -> bool:
    """Whether it is part of one of these spans, which are in order."""
    at = bisect_right(spans, start, key=lambda span: span[0]) - 1
    return at >= 0 and end <= spans[at][1]


def identifiers(text: str, amounts: Sequence[Number] | None = None) -> set[str]:
    """Email addresses, and words that mix letters with digits ("ORD-1042", "Graviton3").

    `amounts` are the text's numbers, for callers that have them.
    """
    if amounts is None:
        amounts = numbers(text)
    counted = [(amount.start, amount.end) for amount in amounts]
    spans = (match.span() for match in _IDENTIFIER.finditer(text))
    found = {text[start:end] for start, end in spans if not _is_within(start, end, counted)}
    mixed = {word for word in found if any(map(str.isupper, word)) or _ADJACENT.search(word)}
    return {word.casefold() for word in mixed} | {
        match.group().casefold() for match in _EMAIL.finditer(text)
    }


def names(text: str) -> set[str]:
    """Stems of proper nouns: capitals where a sentence does not begin, or within the word."""
    return {stem(word) for word in _names(text)}


def _names(text: str) -> Iterator[str]:
    for word, start, _ in word_spans(text):
        if "@" in word or len(word) < 2 or word[0].isdigit() or word.casefold() in STOPWORDS:
            continue
        inner_capital = any(letter.isupper() for letter in word[1:])
        if inner_capital or (
            word[0].isupper() and not _SENTENCE_START.search(text[max(0, start - 8) : start])
        ):
            yield word


def plain_terms(text: str, amounts: Sequence[Number] | None = None) -> list[str]:
    """Stems of the content words that are no part of an amount (of `amounts`, where given)."""
    if amounts is None:
        amounts = numbers(text)
    found = []
    at = 0
    for word, start, end in word_spans(text):
        while at < len(amounts) and amounts[at].end <= start:
            at += 1
        in_amount = at < len(amounts) and amounts[at].start < end
        if not in_amount and word.casefold() not in STOPWORDS:
            found.append(stem(word))
    return found


def speaks_for_owner(text: str) -> bool:
    """Whether it says "we" or "the Company", and so may leave out its owner's name."""
    return _OWN_VOICE.search(text) is not None
