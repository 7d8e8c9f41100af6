"""Metadata filters: from the AWS JSON to `Filter`, and what a filter means, in plain Python."""

import math
from collections.abc import Callable, Iterator
from typing import Final, Literal, TypeGuard, get_args

from kit.errors import InvalidRequest
from services.search.ports import Condition, Filter, Group, Metadata, MetadataValue, Operator

FILTER_PARAM: Final = "retrievalConfiguration.vectorSearchConfiguration.filter"
MAX_DEPTH: Final = 5
MAX_CONDITIONS: Final = 1000
MAX_KEY: Final = 100

_GROUPS: Final[dict[str, Literal["all", "any"]]] = {"andAll": "all", "orAll": "any"}
_OPERATORS: Final[dict[str, Operator]] = {name: name for name in get_args(Operator)}


# Parsing ------------------------------------------------------------------------------------------
def parse_filter(value: object, *, param: str = FILTER_PARAM) -> Filter:
    """The `RetrievalFilter` union as a Filter; InvalidRequest names the member that is wrong."""
    parsed = _parse(value, param, depth=0)
    count = sum(1 for _ in conditions(parsed))
    if count > MAX_CONDITIONS:
        raise InvalidRequest(
            f"The filter has {count} conditions; at most {MAX_CONDITIONS} are allowed.", param=param
        )
    return parsed


def conditions(filter_: Filter) -> Iterator[Condition]:
    """Every comparison of a filter, in reading order."""
    if isinstance(filter_, Condition):
        yield filter_
    else:
        for member in filter_.members:
            yield from conditions(member)


def _parse(value: object, param: str, *, depth: int) -> Filter:
    if not isinstance(value, dict) or len(value) != 1:
        raise InvalidRequest("A filter is an object with exactly one operator.", param=param)
    [(name, body)] = value.items()
    member = f"{param}.{name}"
    if name in _GROUPS:
        return _parse_group(_GROUPS[name], body, member, depth=depth + 1)
    if name in _OPERATORS:
        return _parse_condition(_OPERATORS[name], body, member)
    known = ", ".join([*_GROUPS, *_OPERATORS])
    raise InvalidRequest(f"Unknown filter operator. It must be one of {known}.", param=member)


def _parse_group(kind: Literal["all", "any"], body: object, param: str, *, depth: int) -> Group:
    if not isinstance(body, list) or len(body) < 2:
        raise InvalidRequest("The list must have at least 2 filters.", param=param)
    if depth > MAX_DEPTH:
        raise InvalidRequest(f"Groups nest at most {MAX_DEPTH} levels deep.", param=param)
    members = (_parse(each, f"{param}.{i}", depth=depth) for i, each in enumerate(body))
    return Group(kind, tuple(members))


def _parse_condition(operator: Operator, body: object, param: str) -> Condition:
    if not isinstance(body, dict) or set(body) != {"key", "value"}:
        raise InvalidRequest("The operator takes exactly `key` and `value`.", param=param)
    key = body["key"]
    if not isinstance(key, str) or not 1 <= len(key) <= MAX_KEY or not _encodable(key):
        raise InvalidRequest(
            f"The key must be a string of 1 to {MAX_KEY} characters.", param=f"{param}.key"
        )
    return Condition(operator, key, _VALUES[operator](body["value"], f"{param}.value"))


def _string(value: object, param: str) -> str:
    if not isinstance(value, str) or not _encodable(value):
        raise InvalidRequest("The value must be a string.", param=param)
    return value


def _number(value: object, param: str) -> float:
    """A string that spells a number will do: code written for AWS compares with such ones."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise InvalidRequest("The value must be a number.", param=param)
    try:
        number = float(value)
    except ValueError:
        raise InvalidRequest("The value must be a number.", param=param) from None
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InvalidRequest("The value must be a finite 64-bit number.", param=param)
    return number


def _scalar(value: object, param: str) -> MetadataValue:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return _number(value, param)
    if isinstance(value, str):
        return _string(value, param)
    raise InvalidRequest("The value must be a string, a number or a boolean.", param=param)


def _list(value: object, param: str) -> list[MetadataValue]:
    if not isinstance(value, list) or any(isinstance(each, bool) for each in value):
        raise InvalidRequest("The value must be a list of strings or numbers.", param=param)
    return [_scalar(each, param) for each in value]


def _encodable(text: str) -> bool:
    """False for lone surrogates, which JSON can spell and no store can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


_VALUES: Final[dict[Operator, Callable[[object, str], MetadataValue | list[MetadataValue]]]] = {
    "equals": _scalar,
    "notEquals": _scalar,
    "greaterThan": _number,
    "greaterThanOrEquals": _number,
    "lessThan": _number,
    "lessThanOrEquals": _number,
    "in": _list,
    "notIn": _list,
    "startsWith": _string,
    "stringContains": _string,
    "listContains": _string,
}


# Meaning ------------------------------------------------------------------------------------------
def matches(filter_: Filter, metadata: Metadata) -> bool:
    """Whether metadata fulfils a filter; the engines must agree with this function.

    Strings compare by code points, case included. Numbers compare as 64-bit floats. Values of
    another type than the operator's are unequal and unordered. A lacking key fulfils nothing but
    `notEquals`.
    """
    if isinstance(filter_, Group):
        holds = all if filter_.kind == "all" else any
        return holds(matches(member, metadata) for member in filter_.members)
    if filter_.key not in metadata:
        return filter_.operator == "notEquals"
    return _MEANINGS[filter_.operator](metadata[filter_.key], filter_.value)


def _same(value: object, wanted: object) -> bool:
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    if isinstance(value, str) or isinstance(wanted, str):
        return value == wanted
    return _is_number(value) and _is_number(wanted) and float(value) == float(wanted)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _compare(holds: Callable[[float, float], bool]) -> Callable[[object, object], bool]:
    def compare(value: object, wanted: object) -> bool:
        return _is_number(value) and _is_number(wanted) and holds(float(value), float(wanted))

    return compare


def _in(value: object, wanted: object) -> bool:
    return isinstance(wanted, list) and any(_same(value, each) for each in wanted)


def _starts_with(value: object, wanted: object) -> bool:
    return isinstance(value, str) and isinstance(wanted, str) and value.startswith(wanted)


def _string_contains(value: object, wanted: object) -> bool:
    if not isinstance(wanted, str):
        return False
    texts = value if isinstance(value, list) else [value]
    return any(isinstance(text, str) and wanted in text for text in texts)


_MEANINGS: Final[dict[Operator, Callable[[object, object], bool]]] = {
    "equals": _same,
    "notEquals": lambda value, wanted: not _same(value, wanted),
    "greaterThan": _compare(lambda value, wanted: value > wanted),
    "greaterThanOrEquals": _compare(lambda value, wanted: value >= wanted),
    "lessThan": _compare(lambda value, wanted: value < wanted),
    "lessThanOrEquals": _compare(lambda value, wanted: value <= wanted),
    "in": _in,
    "notIn": lambda value, wanted: not _in(value, wanted),
    "startsWith": _starts_with,
    "stringContains": _string_contains,
    "listContains": lambda value, wanted: isinstance(value, list) and wanted in value,
}
