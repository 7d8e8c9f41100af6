"""The payload families of InvokeModel: each maker's own JSON for the same two capabilities."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.aws.registry import Call
from kit.errors import InvalidRequest

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Invoked:
    """The body to answer with, and the token counts that clients read from headers."""

    body: Json
    input_tokens: int
    output_tokens: int = 0


Invoke = Callable[[Call, str, Json], Awaitable[Invoked]]
"""Takes the model's id as asked for, and the parsed body."""


def read_body(raw: bytes) -> Json:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(
            "Malformed input request: the body is not JSON.", param="body"
        ) from error
    if not isinstance(body, dict):
        raise InvalidRequest("Malformed input request: the body must be an object.", param="body")
    return body


class Members:
    """Reads a family's members with their types; tells of what is wrong as Bedrock does."""

    def __init__(self, body: Json, known: set[str]) -> None:
        unknown = body.keys() - known
        if unknown:
            raise _malformed(f"extraneous key [{sorted(unknown)[0]}] is not permitted", "body")
        self._body = body

    def text(self, name: str) -> str:
        value = self._body.get(name)
        if not isinstance(value, str):
            raise _malformed(f"required key [{name}] must be a string", name)
        return value

    def texts(self, name: str, *, most: int) -> list[str]:
        value = self._body.get(name)
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise _malformed(f"required key [{name}] must be a list of strings", name)
        if not 1 <= len(value) <= most:
            raise _malformed(f"[{name}] must have 1 to {most} members", name)
        return value

    def one_of(self, name: str, choices: tuple[str, ...], default: str | None = None) -> str:
        value = self._body.get(name, default)
        if value not in choices:
            raise _malformed(f"[{name}] must be one of {', '.join(choices)}", name)
        return str(value)

    def some_of(self, name: str, choices: tuple[str, ...], default: list[str]) -> list[str]:
        value = self._body.get(name, default)
        if not isinstance(value, list) or not value or not set(value) <= set(choices):
            raise _malformed(f"[{name}] must be a list of {', '.join(choices)}", name)
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        value = self._body.get(name, default)
        if not isinstance(value, bool):
            raise _malformed(f"[{name}] must be true or false", name)
        return value

    def integer(self, name: str, default: int | None = None) -> int | None:
        value = self._body.get(name, default)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise _malformed(f"[{name}] must be an integer", name)
        return value

    def number(self, name: str, low: float, high: float) -> float | None:
        value = self._body.get(name)
        if value is None:
            return None
        if (
            not isinstance(value, int | float)
            or isinstance(value, bool)
            or not low <= value <= high
        ):
            raise _malformed(f"[{name}] must be a number from {low} to {high}", name)
        return float(value)


def _malformed(what: str, param: str) -> InvalidRequest:
    return InvalidRequest(f"Malformed input request: {what}.", param=param)
