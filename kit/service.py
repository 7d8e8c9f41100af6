"""The frame of every service: a FastAPI app that knows its caller and answers in problem+json."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Annotated, TypeVar, cast

import orjson
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils import uuid4

from kit.auth.internal import HEADER, InternalTrust
from kit.auth.principal import Principal
from kit.errors import Internal, InvalidRequest, MethodNotAllowed, NotFound, PlatformError
from kit.problems import MEDIA_TYPE, problem, problem_line, retry_headers

log = logging.getLogger(__name__)
T = TypeVar("T")

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
Check = Callable[[], Awaitable[None]]
"""Raises when the service cannot do its work."""


def service_app(
    title: str,
    *,
    trust: InternalTrust,
    lifespan: Lifespan | None = None,
    ready: Check | None = None,
) -> FastAPI:
    """Routes of its own are health and metrics; `caller` in endpoints needs `trust`."""
    app = FastAPI(title=title, lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.trust = trust
    tell_problems(app)

    @app.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> dict[str, str]:
        if ready is not None:
            await ready()
        return {"status": "ok"}

    @app.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return app


def tell_problems(app: FastAPI) -> None:
    """Every failure as problem+json: ours, a request that does not validate, a missing route."""
    app.add_middleware(ErrorBoundary)
    app.add_exception_handler(PlatformError, _told)
    app.add_exception_handler(RequestValidationError, _unprocessable)
    app.add_exception_handler(HTTPException, _no_route)


async def caller(request: Request) -> Principal:
    """The principal that the gateway vouches for; Unauthenticated without its word."""
    trust: InternalTrust = request.app.state.trust
    return trust.verify(request.headers.get(HEADER, ""))


Caller = Annotated[Principal, Depends(caller)]


class ErrorBoundary:
    """Turns what nobody expected into a plain 500; the stack goes to the log only.

    Gives each request the id that its answer, its problem and the log tell.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False
        request_id = uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id

        async def watched(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = [*message.get("headers", []), (b"x-request-id", request_id.encode())]
                message = {**message, "headers": headers}
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            log.exception("request %s to %s failed", request_id, scope.get("path"))
            if started:
                raise
            failure = Internal("Something went wrong inside the platform.")
            await answer(failure, request_id)(scope, receive, watched)


def invalid_request(error: RequestValidationError | ValidationError) -> InvalidRequest:
    """FastAPI's validation errors as one leaf that names the first wrong member."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part != "body")
    return InvalidRequest(f"{where or 'body'}: {first['msg']}", param=where or None)


async def started(lines: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """The same lines, once the first one is there: what is refused raises here, with a status."""
    first = await anext(lines)

    async def again() -> AsyncGenerator[T, None]:
        async with aclosing(lines):
            yield first
            async for line in lines:
                yield line

    return again()


async def ndjson(lines: AsyncGenerator[BaseModel, None]) -> AsyncGenerator[bytes, None]:
    """Models as lines of JSON; a failure on the way is a last line that holds the problem."""
    async with aclosing(lines):
        try:
            async for line in lines:
                yield line.model_dump_json().encode() + b"\n"
        except PlatformError as error:
            yield problem_line(error)


async def _told(request: Request, error: Exception) -> Response:
    told, request_id = cast(PlatformError, error), request.state.request_id
    if isinstance(told, Internal):
        log.error("request %s to %s failed", request_id, request.url.path, exc_info=error)
    return answer(told, request_id)


async def _unprocessable(request: Request, error: Exception) -> Response:
    refusal = invalid_request(cast(RequestValidationError, error))
    return answer(refusal, request.state.request_id)


async def _no_route(request: Request, error: Exception) -> Response:
    return answer(_refusal(request, cast(HTTPException, error)), request.state.request_id)


def _refusal(request: Request, error: HTTPException) -> PlatformError:
    """What the framework refused by itself: a path, a method, or a body that it could not read."""
    if isinstance(error.__cause__, PlatformError):
        return error.__cause__
    if error.status_code == 405:
        return MethodNotAllowed(f"{request.url.path} does not take {request.method}.")
    if error.status_code == 400:
        return InvalidRequest("The body cannot be read: it must be JSON in UTF-8.")
    return NotFound(f"There is nothing at {request.url.path}.")


def answer(error: PlatformError, request_id: str) -> Response:
    """The error as problem+json, with `Retry-After` where it says when to come back."""
    body = orjson.dumps(problem(error, request_id))
    return Response(body, error.status, retry_headers(error), media_type=MEDIA_TYPE)
