"""Composes the gateway: three doors before one set of backends."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager

from fastapi import FastAPI

from gateway.access import Access
from gateway.aws.app import AwsDoor, Outcome
from gateway.aws.authentication import authentication, by_bearer
from gateway.aws.compatibility import coverage
from gateway.aws.signature.authenticate import Authenticator
from gateway.backends import Backends
from gateway.dispatch import Dispatch
from gateway.gate import Gate, Visit
from gateway.openai.app import OpenAIDoor
from gateway.rest.app import create_app as create_rest

Lifespan = Callable[[], AbstractAsyncContextManager[None]]


def create_gateway(
    backends: Backends,
    access: Access,
    *,
    ready: Callable[[], Awaitable[None]],
    lifespan: Lifespan,
) -> Dispatch:
    """`lifespan` opens and closes everything behind the doors, `access` included."""
    gate = Gate(access.directory, access.limiter, access.usage, access.audit)

    async def record(outcome: Outcome) -> None:
        if outcome.principal is not None:
            await gate.record(
                Visit(
                    principal=outcome.principal,
                    operation=str(outcome.operation or "unknown"),
                    outcome=outcome.code or "ok",
                    request_id=outcome.request_id,
                    resource=outcome.resource,
                )
            )

    authenticator = Authenticator(access.directory)
    aws = AwsDoor(
        backends,
        authenticate=authentication(authenticator),
        admit=gate.count,
        record=record,
    )
    return Dispatch(
        aws=aws,
        openai=OpenAIDoor(backends, gate, by_bearer(authenticator)),
        rest=create_rest(backends, gate, ready=ready, coverage=_coverage),
        lifespan=_lifespan_app(lifespan),
    )


def _coverage() -> list[Mapping[str, str]]:
    return [{name: str(value) for name, value in row.items()} for row in coverage()]


def _lifespan_app(lifespan: Lifespan) -> FastAPI:
    """FastAPI speaks the lifespan protocol; nothing else of it is used."""

    return FastAPI(lifespan=lambda _: lifespan(), openapi_url=None)
