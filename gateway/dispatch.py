"""Tells the doors apart: a signature means AWS, whatever the path; then the path decides."""

import re
from functools import cache
from time import perf_counter

from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.openai.routing import PREFIX
from kit.telemetry import REQUEST_SECONDS, REQUESTS

_REST = re.compile(r"/(?:api|docs|openapi\.json|livez|readyz|metrics)(?:/|$)")
_NO_ANSWER = 499  # the client left before one
_SIGNED = (b"AWS4-", b"AWS ")
_SIGNED_QUERY = (b"X-Amz-Signature=", b"AWSAccessKeyId=")


class Dispatch:
    """The outermost app; lifespan events go to `lifespan`, once for the whole process."""

    def __init__(self, *, aws: ASGIApp, openai: ASGIApp, rest: ASGIApp, lifespan: ASGIApp) -> None:
        self._aws, self._openai, self._rest = aws, openai, rest
        self._lifespan = lifespan

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._measured(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _measured(self, scope: Scope, receive: Receive, send: Send) -> None:
        name, door = self._door(scope)
        began, status = perf_counter(), _NO_ANSWER

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await door(scope, receive, watched)
        finally:
            _counter(name, status).inc()
            _seconds(name).observe(perf_counter() - began)

    def _door(self, scope: Scope) -> tuple[str, ASGIApp]:
        path: str = scope["path"]
        if _is_signed(scope):
            return "aws", self._aws
        if PREFIX.match(path):
            return "openai", self._openai
        if _REST.match(path) or path == "/":
            return "rest", self._rest
        return "aws", self._aws


@cache
def _counter(door: str, status: int) -> Counter:
    return REQUESTS.labels(door, status)


@cache
def _seconds(door: str) -> Histogram:
    return REQUEST_SECONDS.labels(door)


def _is_signed(scope: Scope) -> bool:
    query: bytes = scope.get("query_string", b"")
    if any(mark in query for mark in _SIGNED_QUERY):
        return True
    return any(
        name == b"authorization" and value.startswith(_SIGNED) for name, value in scope["headers"]
    )
