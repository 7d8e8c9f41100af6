"""Who calls a REST endpoint: a bearer key, admitted under the endpoint's own name."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from gateway.backends import Backends
from gateway.gate import Gate, Visit
from kit.auth.principal import Principal
from kit.errors import PlatformError

_SCHEME = HTTPBearer(auto_error=False, description="A key that `undercroft keys create` printed.")


async def caller(
    request: Request,
    _: Annotated[HTTPAuthorizationCredentials | None, Depends(_SCHEME)],
) -> AsyncIterator[Principal]:
    """The principal of the bearer key; records the visit when the endpoint has ended."""
    gate: Gate = request.app.state.gate
    principal = await gate.by_bearer(request.headers.get("authorization", ""))
    operation = f"rest:{request.scope['route'].name}"
    await gate.admit(principal, operation)
    outcome = "internal"
    try:
        yield principal
        outcome = "ok"
    except PlatformError as error:
        outcome = error.code
        raise
    finally:
        await gate.record(Visit(principal, operation, outcome, request.state.request_id))


def backends(request: Request) -> Backends:
    found: Backends = request.app.state.backends
    return found


Caller = Annotated[Principal, Depends(caller)]
Platform = Annotated[Backends, Depends(backends)]
