"""What an OpenAI endpoint gets, and the forms in which it answers."""

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.backends import Backends
from gateway.response import Response
from kit.auth.principal import Principal
from kit.errors import InvalidRequest, PlatformError


@dataclass(frozen=True, slots=True)
class Call:
    """One request; header names are in lower case."""

    principal: Principal
    backends: Backends
    operation: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    stream: AsyncIterator[bytes]
    """The body as it comes, for endpoints that read it themselves."""
    fails: Callable[[Exception], PlatformError]
    """What to tell of a failure once the answer has begun; the request is booked as failed."""
    argument: str = ""
    """What the route's path leaves open."""
    hosted: str = ""
    """The SageMaker endpoint in the path."""

    def integer(self, name: str, default: int, *, most: int) -> int:
        """Of the query. Raises InvalidRequest."""
        text = self.query.get(name, str(default))
        if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= most:
            raise InvalidRequest(f"{name} must be a number from 1 to {most}.", param=name)
        return int(text)

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """Of the query; the first choice where it is left out. Raises InvalidRequest."""
        text = self.query.get(name, choices[0])
        if text not in choices:
            raise InvalidRequest(f"{name} must be one of {', '.join(choices)}.", param=name)
        return text


Endpoint = Callable[[Call], Coroutine[Any, Any, Response]]


def json_response(answer: object) -> Response:
    return Response(200, [(b"content-type", b"application/json")], orjson.dumps(answer))


def page(data: list[dict[str, Any]], *, has_more: bool) -> Response:
    """A list object with its cursors."""
    return json_response(
        {
            "object": "list",
            "data": data,
            "first_id": data[0]["id"] if data else None,
            "last_id": data[-1]["id"] if data else None,
            "has_more": has_more,
        }
    )
