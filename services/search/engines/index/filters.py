"""Filters in Qdrant's terms: one mapping, spoken in the dialect of either of its libraries."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from services.search.engines.index.encoding import (
    DOCUMENT,
    KEYS,
    TERMS,
    VERSION,
    item_term,
    safe_key,
    scalar_term,
    text_term,
)
from services.search.ports import Condition, Filter, Group, Operator

BOUNDS: Final[dict[Operator, str]] = {
    "greaterThan": "gt",
    "greaterThanOrEquals": "gte",
    "lessThan": "lt",
    "lessThanOrEquals": "lte",
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """The classes of one library; the two name their arguments alike."""

    filter: Callable[..., Any]
    field: Callable[..., Any]
    value: Callable[..., Any]
    any: Callable[..., Any]
    prefix: Callable[..., Any]
    substring: Callable[..., Any]
    range: Callable[..., Any]

    def term(self, key: str, value: str | int) -> Any:
        return self.field(key=key, match=self.value(value=value))


@dataclass(frozen=True, slots=True)
class _Clauses:
    must: tuple[Any, ...] = ()
    must_not: tuple[Any, ...] = ()
    should: tuple[Any, ...] = ()

    def build(self, dialect: Dialect) -> Any:
        named = {"must": self.must, "must_not": self.must_not, "should": self.should}
        return dialect.filter(**{name: list(each) for name, each in named.items() if each})


def translate(filter_: Filter, dialect: Dialect) -> Any:
    """The backend's filter that lets through exactly what `matches` accepts."""
    return _clauses(filter_, dialect).build(dialect)


def _clauses(filter_: Filter, dialect: Dialect) -> _Clauses:
    if isinstance(filter_, Condition):
        return _TRANSLATORS.get(filter_.operator, _range)(filter_, dialect)
    members = [_clauses(member, dialect) for member in filter_.members]
    if filter_.kind == "any":
        return _Clauses(should=tuple(member.build(dialect) for member in members))
    # One flat list is checked faster than a filter within a filter; alternatives stay whole.
    flat = [member for member in members if not member.should]
    whole = [member.build(dialect) for member in members if member.should]
    return _Clauses(
        must=(*(each for member in flat for each in member.must), *whole),
        must_not=tuple(each for member in flat for each in member.must_not),
    )


def of_document(dialect: Dialect, document: str, version: int | None = None) -> Any:
    """A document's points, all of them or those of one version."""
    must = [dialect.term(DOCUMENT, document)]
    if version is not None:
        must.append(dialect.term(VERSION, version))
    return dialect.filter(must=must)


def numbers_path(key: str) -> str:
    return f"numbers.{safe_key(key)}"


def strings_path(key: str) -> str:
    return f"strings.{safe_key(key)}"


def scanned_fields(filter_: Filter | None) -> dict[str, str]:
    """The payload fields that a filter reads point by point unless an index covers them.

    Each with the entry of `keys` that every point with such a field has.
    """
    if filter_ is None:
        return {}
    if isinstance(filter_, Group):
        return {k: v for member in filter_.members for k, v in scanned_fields(member).items()}
    if filter_.operator in BOUNDS:
        return {numbers_path(filter_.key): safe_key(filter_.key)}
    if filter_.operator == "stringContains":
        return {strings_path(filter_.key): safe_key(filter_.key)}
    return {}


def _equal(condition: Condition, dialect: Dialect) -> Any:
    if not isinstance(condition.value, list):
        return dialect.term(TERMS, scalar_term(condition.key, condition.value))
    terms = [scalar_term(condition.key, value) for value in condition.value]
    return dialect.field(key=TERMS, match=dialect.any(any=terms))


def _equals(condition: Condition, dialect: Dialect) -> _Clauses:
    return _Clauses(must=(_equal(condition, dialect),))


def _not_equals(condition: Condition, dialect: Dialect) -> _Clauses:
    return _Clauses(must_not=(_equal(condition, dialect),))


def _not_in(condition: Condition, dialect: Dialect) -> _Clauses:
    present = dialect.term(KEYS, safe_key(condition.key))
    return _Clauses(must=(present,), must_not=(_equal(condition, dialect),))


def _range(condition: Condition, dialect: Dialect) -> _Clauses:
    bound = dialect.range(**{BOUNDS[condition.operator]: condition.value})
    return _Clauses(must=(dialect.field(key=numbers_path(condition.key), range=bound),))


def _starts_with(condition: Condition, dialect: Dialect) -> _Clauses:
    return _Clauses(must=(_prefixed(text_term(condition.key, str(condition.value)), dialect),))


def _string_contains(condition: Condition, dialect: Dialect) -> _Clauses:
    needle = str(condition.value)
    if not needle:  # held by every string; a store may refuse to look for it
        prefixes = text_term(condition.key, ""), item_term(condition.key, "")
        return _Clauses(should=tuple(_prefixed(prefix, dialect) for prefix in prefixes))
    match = dialect.substring(substring=needle)
    # The index narrows to points that have the letters anywhere; the field decides.
    fields = TERMS, strings_path(condition.key)
    return _Clauses(must=tuple(dialect.field(key=field, match=match) for field in fields))


def _list_contains(condition: Condition, dialect: Dialect) -> _Clauses:
    return _Clauses(must=(dialect.term(TERMS, item_term(condition.key, str(condition.value))),))


def _prefixed(prefix: str, dialect: Dialect) -> Any:
    return dialect.field(key=TERMS, match=dialect.prefix(prefix=prefix))


_TRANSLATORS: Final[dict[Operator, Callable[[Condition, Dialect], _Clauses]]] = {
    "equals": _equals,
    "notEquals": _not_equals,
    "in": _equals,
    "notIn": _not_in,
    "startsWith": _starts_with,
    "stringContains": _string_contains,
    "listContains": _list_contains,
}
