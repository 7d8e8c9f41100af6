"""Finds amounts that a claim gives to another year than its passage does."""

import re
from collections.abc import Sequence

from kit.text.facts import Number, numbers

_LINK = re.compile(
    r"\s*,?\s*(?:in|for|during|of|at|by)\s+(?:fiscal\s+|the\s+year\s+)?", re.IGNORECASE
)


def swapped(claim: str, passage: str) -> bool:
    """Whether a year and an amount that the claim joins belong to others in the passage.

    Says so only where the passage has a choice (two years, two amounts of the unit) and where its
    year has another amount and its amount another year.
    """
    said = _pairs(claim)
    if not said:
        return False
    years, amounts = _split(numbers(passage))
    return any(_contradicted(year, amount, years, amounts, passage) for year, amount in said)


def _pairs(text: str) -> list[tuple[Number, Number]]:
    """Each year with the amount nearest to it."""
    years, amounts = _split(numbers(text))
    return [(year, _nearest(year, amounts, text)) for year in years] if amounts else []


def _contradicted(
    year: Number,
    amount: Number,
    years: Sequence[Number],
    amounts: Sequence[Number],
    text: str,
) -> bool:
    alike = [other for other in amounts if other.unit == amount.unit]
    same_year = [other for other in years if other.key == year.key]
    same_amount = [other for other in alike if other.key == amount.key]
    if len({other.key for other in alike}) < 2 or len({other.key for other in years}) < 2:
        return False
    if not same_year or not same_amount:
        return False
    given = {_nearest(one, alike, text).key for one in same_year}
    when = {_nearest(one, years, text).key for one in same_amount}
    return amount.key not in given and year.key not in when


def _split(found: Sequence[Number]) -> tuple[list[Number], list[Number]]:
    return [one for one in found if one.is_year], [one for one in found if not one.is_year]


def _nearest(one: Number, others: Sequence[Number], text: str) -> Number:
    return min(others, key=lambda other: _distance(one, other, text))


def _distance(one: Number, other: Number, text: str) -> int:
    """Characters between the two; none where only a word such as "in" joins them."""
    first, second = sorted((one, other), key=lambda number: number.start)
    between = text[first.end : second.start]
    return 0 if _LINK.fullmatch(between) else len(between)
