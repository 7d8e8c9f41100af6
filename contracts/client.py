"""The base of every service's typed client: signs who is calling, speaks pydantic both ways."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter

from contracts.transport import Transport
from kit.auth.internal import HEADER, InternalTrust
from kit.auth.principal import Principal
from kit.problems import raise_problem_line


class Contract(BaseModel):
    """What crosses a process border: immutable, and nothing in it is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Reply = TypeVar("Reply", bound=Contract)


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
                    yield line.validate_json(text)

    def _headers(self, principal: Principal) -> dict[str, str]:
        return {"content-type": "application/json", HEADER: self._trust.sign(principal)}
