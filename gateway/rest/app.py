"""The REST door: plain resources under /api/v1, their OpenAPI page at /docs, health beside it."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel

from gateway.backends import Backends
from gateway.gate import Gate
from gateway.rest import account, adapters, health, ingestion, jobs, search
from gateway.rest.body_limit import BodyLimit
from kit.problems import MEDIA_TYPE
from kit.service import tell_problems

_DESCRIPTION = """
AWS's generative-AI architectures on your own machines. The same capabilities are behind the AWS
APIs (any AWS SDK with its endpoint set to this address) and the OpenAI API (at `/v1`).
Press *Authorize* and give a key that `undercroft keys create` printed.
"""

PARTS = (search, ingestion, adapters, jobs, account)
"""The modules whose routers make up the API; each endpoint's name is its operation's."""


class Problem(BaseModel):
    """RFC 9457; `code` is stable, `detail` is for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    param: str | None
    request_id: str
    retry_after: float | None = None


_PROBLEM: dict[str, Any] = {"model": Problem, "content": {MEDIA_TYPE: {}}}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {**_PROBLEM, "description": "A parameter is missing, malformed or out of range"},
    401: {**_PROBLEM, "description": "No key, or one that does not verify"},
    403: {**_PROBLEM, "description": "The key lacks the scope"},
    404: {**_PROBLEM, "description": "Absent, or another tenant's"},
    409: {**_PROBLEM, "description": "The resource's state forbids it"},
    413: {**_PROBLEM, "description": "The body is too large"},
    429: {**_PROBLEM, "description": "Over a limit; see Retry-After"},
    503: {**_PROBLEM, "description": "Try again; see Retry-After"},
}


def create_app(
    backends: Backends,
    gate: Gate,
    *,
    ready: Callable[[], Awaitable[None]],
    coverage: Callable[[], Iterable[Mapping[str, str]]],
) -> FastAPI:
    """`ready` raises while the platform cannot serve; `coverage` lists the AWS operations."""
    app: FastAPI = FastAPIOffline(
        title="Undercroft",
        version="1",
        description=_DESCRIPTION,
        redoc_url=None,
        static_url="/docs/static",
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.backends, app.state.gate = backends, gate
    app.state.ready, app.state.coverage = ready, coverage
    app.add_middleware(BodyLimit)
    tell_problems(app)
    api = APIRouter(prefix="/api/v1", responses=_REFUSALS)
    for part in PARTS:
        api.include_router(part.router)
    app.include_router(api)
    app.include_router(health.router)
    app.openapi = _without_422(app)  # type: ignore[method-assign]
    return app


def _without_422(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """What does not validate answers 400 here, so FastAPI's own 422 is taken out."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        document = make()
        for path in document["paths"].values():
            for endpoint in path.values():
                endpoint["responses"].pop("422", None)
        for unused in ("HTTPValidationError", "ValidationError"):
            document["components"]["schemas"].pop(unused, None)
        return document

    return openapi
