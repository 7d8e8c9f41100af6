"""Filters in Qdrant's terms: one mapping, spoken in the dialect of either of its libraries."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from services.search.engines.index.encoding import (
    DOCUMENT,
    TERMS,
    VERSION,
    has_term,
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


def translate(filter_: Filter, dialect: Dialect) -> Any:
    """The backend's filter that lets through exactly what `matches` accepts."""
    if isinstance(filter_, Condition):
        return _translate_condition(filter_, dialect)
    members = [translate(member, dialect) for member in filter_.members]
    return dialect.filter(must=members) if filter_.kind == "all" else dialect.filter(should=members)


def of_document(dialect: Dialect, document: str, version: int | None = None) -> Any:
    """A document's points, all of them or those of one version."""
    must = [dialect.term(DOCUMENT, document)]
    if version is not None:
        must.append(dialect.term(VERSION, version))
    return dialect.filter(must=must)


def but_version(dialect: Dialect, document: str, keep: int | None) -> Any:
    """A document's points of every version but `keep`."""
    if keep is None:
        return of_document(dialect, document)
    return dialect.filter(
        must=[dialect.term(DOCUMENT, document)], must_not=[dialect.term(VERSION, keep)]
    )


def numbers_path(key: str) -> str:
    return f"numbers.{safe_key(key)}"


def strings_path(key: str) -> str:
    return f"strings.{safe_key(key)}"


def scanned_fields(filter_: Filter | None) -> dict[str, str]:
    """The payload fields that a filter reads point by point unless an index covers them.

    Each with a prefix of the terms that every point with such a field has.
    """
    if filter_ is None:
        return {}
    if isinstance(filter_, Group):
        return {k: v for member in filter_.members for k, v in scanned_fields(member).items()}
    if filter_.operator in BOUNDS:
        return {numbers_path(filter_.key): f"number {safe_key(filter_.key)}="}
    if filter_.operator == "stringContains":
        return {strings_path(filter_.key): has_term(filter_.key)}
    return {}


def _translate_condition(condition: Condition, dialect: Dialect) -> Any:
    translator = _TRANSLATORS.get(condition.operator, _range)
    return translator(condition, dialect)


def _terms(condition: Condition) -> list[str]:
    values = condition.value if isinstance(condition.value, list) else [condition.value]
    return [scalar_term(condition.key, value) for value in values]


def _equals(condition: Condition, dialect: Dialect) -> Any:
    return dialect.filter(must=[dialect.field(key=TERMS, match=dialect.any(any=_terms(condition)))])


def _not_equals(condition: Condition, dialect: Dialect) -> Any:
    return dialect.filter(must_not=[_equals(condition, dialect)])


def _not_in(condition: Condition, dialect: Dialect) -> Any:
    present = dialect.term(TERMS, has_term(condition.key))
    return dialect.filter(must=[present], must_not=[_equals(condition, dialect)])


def _range(condition: Condition, dialect: Dialect) -> Any:
    bound = dialect.range(**{BOUNDS[condition.operator]: condition.value})
    return dialect.filter(must=[dialect.field(key=numbers_path(condition.key), range=bound)])


def _starts_with(condition: Condition, dialect: Dialect) -> Any:
    prefix = text_term(condition.key, str(condition.value))
    return dialect.filter(must=[dialect.field(key=TERMS, match=dialect.prefix(prefix=prefix))])


def _string_contains(condition: Condition, dialect: Dialect) -> Any:
    needle = str(condition.value)
    if not needle:  # held by every string; a store may refuse to look for it
        prefixes = text_term(condition.key, ""), item_term(condition.key, "")
        return dialect.filter(
            should=[dialect.field(key=TERMS, match=dialect.prefix(prefix=p)) for p in prefixes]
        )
    match = dialect.substring(substring=needle)
    return dialect.filter(
        must=[
            # The index narrows to points that have the letters anywhere; the field decides.
            dialect.field(key=TERMS, match=match),
            dialect.field(key=strings_path(condition.key), match=match),
        ]
    )


def _list_contains(condition: Condition, dialect: Dialect) -> Any:
    return dialect.filter(
        must=[dialect.term(TERMS, item_term(condition.key, str(condition.value)))]
    )


_TRANSLATORS: Final[dict[Operator, Callable[[Condition, Dialect], Any]]] = {
    "equals": _equals,
    "notEquals": _not_equals,
    "in": _equals,
    "notIn": _not_in,
    "startsWith": _starts_with,
    "stringContains": _string_contains,
    "listContains": _list_contains,
}
