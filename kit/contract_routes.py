"""The busiest internal endpoints: a contract in, a contract or a stream of them out.

A caller in the same process asks a route itself; any other comes over HTTP, to `ContractRoutes`.
"""

from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from fastapi import FastAPI
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from kit.auth.internal import HEADER, InternalTrust
from kit.auth.principal import Principal
from kit.errors import PlatformError
from kit.leaving import CallerGone, unless_gone
from kit.service import ErrorBoundary, answer, invalid_request, ndjson, started

_CALLER_LEFT = 499  # nobody reads it; logs tell it from our own errors
Asked = TypeVar("Asked", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class ContractRoute(Generic[Asked]):
    """A POST of one contract, for whom the gateway vouches; answered with another."""

    shape: type[Asked]
    answer: Callable[[Principal, Asked], Coroutine[Any, Any, BaseModel]]


@dataclass(frozen=True, slots=True)
class StreamRoute(Generic[Asked]):
    """A POST of one contract, answered in parts: lines of JSON where it comes over HTTP."""

    shape: type[Asked]
    parts: Callable[[Principal, Asked], AsyncGenerator[BaseModel, None]]


Routes: TypeAlias = Mapping[str, ContractRoute[Any] | StreamRoute[Any]]
"""By path."""


def mount(app: FastAPI, trust: InternalTrust, routes: Routes) -> None:
    """Serves the routes before all others of the app, and shows them to `routes_of`."""
    app.add_middleware(ContractRoutes, trust=trust, routes=routes)
    app.state.contract_routes = routes


def routes_of(app: FastAPI) -> Routes:
    """What a caller in this process may ask without a wire; it vouches for its principals."""
    routes: Routes = getattr(app.state, "contract_routes", {})
    return routes


class ContractRoutes:
    """Middleware that answers on its own paths; the app behind it answers on all others.

    What FastAPI does for one request takes a fifth of the gateway's time for a chat.
    """

    def __init__(self, app: ASGIApp, *, trust: InternalTrust, routes: Routes) -> None:
        self._app, self._trust, self._routes = app, trust, routes
        self._own = ErrorBoundary(self._serve)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_own = scope["type"] == "http" and scope["method"] == "POST"
        if is_own and scope["path"] in self._routes:
            await self._own(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._answer(self._routes[scope["path"]], request)
        except PlatformError as error:
            response = answer(error, request.state.request_id)
        except CallerGone:
            response = Response(status_code=_CALLER_LEFT)
        await response(scope, receive, send)

    async def _answer(
        self, route: ContractRoute[Any] | StreamRoute[Any], request: Request
    ) -> Response:
        """Work stops as soon as the caller leaves."""
        who = self._trust.verify(request.headers.get(HEADER, ""))
        try:
            asked = route.shape.model_validate_json(await request.body())
        except ValidationError as error:
            raise invalid_request(error) from error

        async def until_gone() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass

        if isinstance(route, StreamRoute):
            parts = await unless_gone(started(route.parts(who, asked)), until_gone)
            return StreamingResponse(ndjson(parts), media_type="application/x-ndjson")
        told = await unless_gone(route.answer(who, asked), until_gone)
        return Response(told.model_dump_json(), media_type="application/json")
