"""Who calls a REST endpoint: a bearer key, admitted under the endpoint's own name."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from gateway.backends import Backends
from gateway.failures import expected
from gateway.gate import Gate, Visit
from kit.auth.principal import Principal
from kit.errors import Internal, InvalidRequest, PlatformError

_SCHEME = HTTPBearer(auto_error=False, description="A key that `undercroft keys create` printed.")


async def caller(
    request: Request,
    _: Annotated[HTTPAuthorizationCredentials | None, Depends(_SCHEME)],
) -> AsyncIterator[Principal]:
    """The principal of the bearer key; records the visit once the answer has ended."""
    gate: Gate = request.app.state.gate
    principal = await gate.by_bearer(request.headers.get("authorization", ""))
    operation = f"rest:{request.scope['route'].name}"
    resource = "/".join(request.path_params.values()) or "*"
    request.state.outcome, outcome = "ok", Internal.code
    try:
        await gate.admit(principal, operation)
        yield principal
        outcome = request.state.outcome
    except RequestValidationError:
        outcome = InvalidRequest.code
        raise
    except PlatformError as error:
        outcome = error.code
        raise
    finally:
        visit = Visit(principal, operation, outcome, request.state.request_id, resource)
        await gate.record(visit)


def fails(request: Request, error: Exception) -> PlatformError:
    """What to tell of a failure once the answer has begun; the request is recorded as failed."""
    told = expected(error, request.state.request_id)
    request.state.outcome = told.code
    return told


def backends(request: Request) -> Backends:
    found: Backends = request.app.state.backends
    return found


Caller = Annotated[Principal, Depends(caller)]
Platform = Annotated[Backends, Depends(backends)]
