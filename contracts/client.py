"""The base of every service's typed client: a contract out, and contracts back.

Over a wire it signs who is calling and speaks JSON; a service in the same process is handed the
contracts themselves, which nobody can change.
"""

import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from contracts.contract import Contract
from contracts.transport import Transport
from kit.auth.internal import HEADER, InternalTrust
from kit.auth.principal import Principal
from kit.contract_routes import ContractRoute, StreamRoute
from kit.errors import Internal, PlatformError
from kit.problems import raise_problem_line

_log = logging.getLogger(__name__)


Reply = TypeVar("Reply", bound=Contract)


@contextmanager
def _kept() -> Iterator[None]:
    """A service that breaks its contract is a fault of the platform, not of its caller."""
    try:
        yield
    except ValidationError as error:
        raise Internal("A service answered in a form that is not its contract's.") from error


@contextmanager
def _bounded(path: str) -> Iterator[None]:
    """What nobody expected stays in the log, as it would behind a wire."""
    try:
        yield
    except PlatformError:
        raise
    except Exception as error:
        _log.exception("a request to %s failed", path)
        raise Internal("Something went wrong inside the platform.") from error


class ServiceClient:
    """One service, as the other processes see it."""

    def __init__(self, transport: Transport, trust: InternalTrust) -> None:
        self._transport = transport
        self._trust = trust

    async def _call(
        self, principal: Principal, path: str, request: BaseModel, reply: type[Reply]
    ) -> Reply:
        """POSTs the request; raises the leaf of kit.errors that the service raised."""
        route = self._transport.routes.get(path)
        if isinstance(route, ContractRoute):
            with _bounded(path):
                told = await route.answer(principal, request)
            with _kept():
                return reply.model_validate(told)
        answer = await self._transport.request(
            "POST", path, headers=self._headers(principal), body=request.model_dump_json().encode()
        )
        with _kept():
            return reply.model_validate_json(answer)

    def _lines(
        self, principal: Principal, path: str, request: BaseModel, line: TypeAdapter[Reply]
    ) -> AsyncGenerator[Reply, None]:
        """POSTs the request and yields the parts of the answer; a broken one raises."""
        route = self._transport.routes.get(path)
        if isinstance(route, StreamRoute):
            return _parts(path, route.parts(principal, request), line)
        body = request.model_dump_json().encode()
        headers = self._headers(principal)
        return _parsed(self._transport.stream("POST", path, headers=headers, body=body), line)

    def _headers(self, principal: Principal) -> dict[str, str]:
        return {"content-type": "application/json", HEADER: self._trust.sign(principal)}


async def _parts(
    path: str, told: AsyncGenerator[BaseModel, None], line: TypeAdapter[Reply]
) -> AsyncGenerator[Reply, None]:
    with _kept(), _bounded(path):
        async with aclosing(told) as parts:
            async for part in parts:
                yield line.validate_python(part)


async def _parsed(
    answer: AsyncGenerator[bytes, None], line: TypeAdapter[Reply]
) -> AsyncGenerator[Reply, None]:
    """The lines of an NDJSON answer."""
    pending = b""
    with _kept():
        async with aclosing(answer) as parts:
            async for part in parts:
                *whole, pending = (pending + part).split(b"\n")
                for text in whole:
                    raise_problem_line(text)
                    yield line.validate_json(text)
