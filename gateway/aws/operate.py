"""The step that is ours: an operation's handler, from its look-up to what it gave."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from pydantic import ValidationError

from contracts.contract import invalid_member
from gateway.aws.protocol.failures import OperationAbsent
from gateway.aws.protocol.identity import OperationId
from gateway.aws.protocol.route import RoutedOperation
from gateway.aws.registry import Call, Operation, Parameters, Reply
from kit.auth.principal import Principal
from kit.auth.scopes import require
from kit.errors import Internal, PlatformError

_log = logging.getLogger(__name__)


def served(operations: Mapping[OperationId, Operation], routed: RoutedOperation) -> Operation:
    """Raises OperationAbsent, which names it, for an operation that AWS has and we lack."""
    operation = operations.get(routed.id)
    if operation is None:
        raise OperationAbsent(
            f"{routed.id} is not served by Undercroft; see GET /api/v1/compatibility."
        )
    return operation


def authorize(principal: Principal, operation: Operation, resource: str) -> None:
    require(principal.scopes, str(operation.id), resource)


async def operate(
    operation: Operation, routed: RoutedOperation, call: Call, parameters: Parameters
) -> Reply:
    try:
        answer = await operation.handler(call, parameters)
    except ValidationError as error:
        raise invalid_member(error) from error
    reply = answer if isinstance(answer, Reply) else Reply(answer)
    stream = routed.spec.event_stream
    if stream is None:
        return reply
    events = _expected(reply.members[stream], call.request_id)
    return Reply({**reply.members, stream: events}, reply.status, reply.headers)


async def _expected(events: AsyncIterator[Any], request_id: str) -> AsyncGenerator[Any, None]:
    """Turns a bug in mid-stream into an error that the stream can end with."""
    source = events if isinstance(events, AsyncGenerator) else _generator(events)
    async with aclosing(source):
        try:
            async for event in source:
                yield event
        except PlatformError:
            raise
        except Exception as error:
            _log.exception("A stream broke off", extra={"request_id": request_id})
            raise Internal("A stream broke off.") from error


async def _generator(events: AsyncIterator[Any]) -> AsyncGenerator[Any, None]:
    async for event in events:
        yield event
