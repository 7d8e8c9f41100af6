"""Reads a wire's JSON bodies with their types, and tells of what is wrong by its member's name."""

from collections.abc import Iterable
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from contracts.contract import invalid_member
from contracts.generation.requests import MOST_STOPS
from kit.errors import InvalidRequest
from kit.json_size import CROWDED, MOST_VALUES, is_crowded

Json = dict[str, Any]
Built = TypeVar("Built", bound=BaseModel)

_MOST_TOKENS = 1_000_000
_LONGEST_STOP = 1000
_DEEPEST = 60
_LEAST_NUCLEUS = 1e-6


def read_body(raw: bytes) -> Json:
    """The object that a body is. Raises InvalidRequest."""
    if is_crowded(raw):
        raise malformed(f"the body has {CROWDED}", "body")
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise malformed(f"the body is not JSON: {error}", "body") from error
    if not isinstance(body, dict):
        raise malformed("the body must be an object", "body")
    return body


def malformed(what: str, param: str) -> InvalidRequest:
    return InvalidRequest(f"Malformed input request: {what}.", param=param)


def built(shape: type[Built], at: str = "", /, **members: Any) -> Built:
    """A contract; raises InvalidRequest for what no dialect has bounds for, such as long texts.

    `at` is the place of its members in the body, such as `tools.0.`.
    """
    try:
        return shape(**members)
    except ValidationError as error:
        wrong = invalid_member(error)
        if at and wrong.param:
            raise InvalidRequest(at + wrong.message, param=at + wrong.param) from error
        raise wrong from error


class Members:
    """One object of a body; `at` is its place in there, such as `messages.0.`."""

    def __init__(self, body: object, known: set[str] | None = None, at: str = "") -> None:
        """Raises InvalidRequest for what is no object, or has members that are not `known`."""
        self.at = at
        if not isinstance(body, dict):
            raise malformed(f"[{at.rstrip('.')}] must be an object", at.rstrip("."))
        unknown = body.keys() - known if known is not None else ()
        if unknown:
            name = at + sorted(unknown)[0]
            raise malformed(f"extraneous key [{name}] is not permitted", name)
        self.body: Json = body

    def __contains__(self, name: str) -> bool:
        """Whether it is there, and not null."""
        return self.body.get(name) is not None

    def wrong(self, name: str, what: str) -> InvalidRequest:
        return malformed(f"[{self.at}{name}] {what}", self.at + name)

    def refuse(self, *names: str) -> None:
        """What would change the outcome is refused, never passed over."""
        for name in names:
            if self.body.get(name) not in (None, False, [], {}, ""):
                raise InvalidRequest(
                    f"{self.at}{name} is not served; leave it out.", param=self.at + name
                )

    def _given(self, name: str, default: Any) -> Any:
        """A member that is null is one that was left out."""
        value = self.body.get(name)
        return default if value is None else value

    def text(self, name: str, default: str | None = None, *, least: int = 0) -> str:
        value = self._given(name, default)
        if not isinstance(value, str):
            raise malformed(f"required key [{self.at}{name}] must be a string", self.at + name)
        if len(value) < least:
            raise self.wrong(name, "must not be empty")
        return value

    def texts(self, name: str, *, most: int) -> list[str]:
        value = self.body.get(name)
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise malformed(
                f"required key [{self.at}{name}] must be a list of strings", self.at + name
            )
        if not 1 <= len(value) <= most:
            raise self.wrong(name, f"must have 1 to {most} members")
        return value

    def one_of(self, name: str, choices: tuple[str, ...], default: str | None = None) -> str:
        value = self._given(name, default)
        if value not in choices:
            raise self.wrong(name, f"must be one of {', '.join(choices)}")
        return str(value)

    def some_of(self, name: str, choices: tuple[str, ...], default: list[str]) -> list[str]:
        value = self._given(name, default)
        if not isinstance(value, list) or not 1 <= len(value) <= len(choices):
            raise self.wrong(name, f"must be a list of {', '.join(choices)}, each once")
        if any(one not in choices for one in value):
            raise self.wrong(name, f"must be a list of {', '.join(choices)}")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        value = self._given(name, default)
        if not isinstance(value, bool):
            raise self.wrong(name, "must be true or false")
        return value

    def integer(
        self,
        name: str,
        default: int | None = None,
        *,
        least: int | None = None,
        most: int | None = None,
    ) -> int | None:
        value = self.body.get(name)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.wrong(name, "must be an integer")
        if (least is not None and value < least) or (most is not None and value > most):
            raise self.wrong(name, f"must be {_between(least, most)}")
        return value

    def number(self, name: str, low: float, high: float) -> float | None:
        value = self.body.get(name)
        if value is None:
            return None
        if (
            not isinstance(value, int | float)
            or isinstance(value, bool)
            or not low <= value <= high
        ):
            raise self.wrong(name, f"must be a number from {low} to {high}")
        return float(value)

    def tokens(self, name: str, default: int | None = None) -> int | None:
        """How many to generate at most."""
        return self.integer(name, default, least=1, most=_MOST_TOKENS)

    def nucleus(self, name: str) -> float | None:
        """A top-p; 0, which engines refuse, means the likeliest token alone."""
        value = self.number(name, 0, 1)
        return None if value is None else max(value, _LEAST_NUCLEUS)

    def likeliest(self, name: str) -> int | None:
        """A top-k; makers write 0, and some floats, where it is off."""
        value = self.number(name, 0, _MOST_TOKENS)
        if value is not None and not value.is_integer():
            raise self.wrong(name, "must be an integer")
        return int(value) if value else None

    def stops(self, name: str) -> list[str]:
        """Sequences that end an answer; one alone may be a string."""
        value = self.body.get(name)
        if value is None:
            return []
        stops = [value] if isinstance(value, str) else value
        if not isinstance(stops, list) or not all(isinstance(one, str) and one for one in stops):
            raise self.wrong(name, "must be a list of strings that are not empty")
        if len(stops) > MOST_STOPS:
            raise self.wrong(name, f"must have {MOST_STOPS} members at most")
        if any(len(one) > _LONGEST_STOP for one in stops):
            raise self.wrong(name, f"must have members of {_LONGEST_STOP} characters at most")
        return stops

    def items(self, name: str, *, least: int = 0) -> list[tuple[str, object]]:
        """The members of a list, each with its own place."""
        value = self.body.get(name)
        if value is None and least == 0:
            return []
        if not isinstance(value, list):
            raise self.wrong(name, "must be a list")
        if len(value) < least:
            raise self.wrong(name, "must not be empty")
        if len(value) > MOST_VALUES:
            raise self.wrong(name, f"must have {MOST_VALUES} members at most")
        return [(f"{self.at}{name}.{index}", one) for index, one in enumerate(value)]

    def object(self, name: str, known: set[str] | None = None) -> "Members":
        """An object within; absent, it is empty."""
        value = self.body.get(name)
        return Members({} if value is None else value, known, f"{self.at}{name}.")

    def document(self, name: str) -> Json:
        """Free JSON, such as a schema; bounded in depth, so that it can be sent on."""
        value = self.body.get(name)
        if not isinstance(value, dict):
            raise self.wrong(name, "must be an object")
        self.bounded(name)
        return value

    def bounded(self, name: str) -> None:
        if is_deep(self.body.get(name), _DEEPEST):
            raise self.wrong(name, f"must not be nested more than {_DEEPEST} deep")


def _between(least: int | None, most: int | None) -> str:
    if most is None:
        return f"{least} at least"
    return f"{most} at most" if least is None else f"from {least} to {most}"


def is_deep(value: object, most: int) -> bool:
    """Level by level, of lists and objects alone: the numbers of a body may be a million."""
    level, depth = _containers([value]), 0
    while level and depth <= most:
        depth += 1
        level = [
            inner
            for outer in level
            for inner in _containers(outer.values() if isinstance(outer, dict) else outer)
        ]
    return depth > most


def _containers(values: Iterable[object]) -> list[Json | list[Any]]:
    return [one for one in values if isinstance(one, dict | list)]
