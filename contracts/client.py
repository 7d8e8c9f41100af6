"""The base of every service's typed client: signs who is calling, speaks pydantic both ways."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from contracts.transport import Transport
from kit.auth.internal import HEADER, InternalTrust
from kit.auth.principal import Principal
from kit.errors import Internal, InvalidRequest
from kit.problems import raise_problem_line


class Contract(BaseModel):
    """What crosses a process border: immutable, and nothing in it is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Reply = TypeVar("Reply", bound=Contract)


def invalid_member(error: ValidationError) -> InvalidRequest:
    """A contract that a door could not make of what it was given: names the first wrong member."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return InvalidRequest(f"{where or 'body'}: {first['msg']}", param=where or None)


@contextmanager
def _kept() -> Iterator[None]:
    """A service that breaks its contract is a fault of the platform, not of its caller."""
    try:
        yield
    except ValidationError as error:
        raise Internal("A service answered in a form that is not its contract's.") from error


class ServiceClient:
    """One service, as the other processes see it."""

    def __init__(self, transport: Transport, trust: InternalTrust) -> None:
        self._transport = transport
        self._trust = trust

    async def _call(
        self, principal: Principal, path: str, request: BaseModel, reply: type[Reply]
    ) -> Reply:
        """POSTs the request; raises the leaf of kit.errors that the service raised."""
        answer = await self._transport.request(
            "POST", path, headers=self._headers(principal), body=request.model_dump_json().encode()
        )
        with _kept():
            return reply.model_validate_json(answer)

    async def _lines(
        self, principal: Principal, path: str, request: BaseModel, line: TypeAdapter[Reply]
    ) -> AsyncGenerator[Reply, None]:
        """POSTs the request and yields the lines of the NDJSON answer; a broken one raises."""
        pending = b""
        body = request.model_dump_json().encode()
        answer = self._transport.stream("POST", path, headers=self._headers(principal), body=body)
        async with aclosing(answer) as parts:
            async for part in parts:
                *whole, pending = (pending + part).split(b"\n")
                for text in whole:
                    raise_problem_line(text)
                    with _kept():
                        event = line.validate_json(text)
                    yield event

    def _headers(self, principal: Principal) -> dict[str, str]:
        return {"content-type": "application/json", HEADER: self._trust.sign(principal)}
