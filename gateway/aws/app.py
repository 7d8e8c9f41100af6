"""The AWS door: one request, from its raw head to its answer, as a list of steps."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.types import Receive, Scope, Send
from uuid_utils import uuid4

from gateway.aws.authentication import Authenticate
from gateway.aws.body import bound, gather, with_form
from gateway.aws.errors import wire_error
from gateway.aws.operate import authorize, operate, served
from gateway.aws.protocol.error_body import WireError, error_response
from gateway.aws.protocol.identity import OperationId
from gateway.aws.protocol.parse import parse
from gateway.aws.protocol.route import RoutedOperation, has_form, route, warm
from gateway.aws.protocol.serialize import serialize
from gateway.aws.protocol.validate import validate
from gateway.aws.protocol.wire import Protocol, signing_name
from gateway.aws.registry import Call, Operation
from gateway.aws.request import AwsRequest, read_head
from gateway.aws.served import SERVED
from gateway.backends import Backends
from gateway.channel import Channel, ClientGone
from gateway.failures import expected
from gateway.response import Response, header_value
from kit.auth.principal import Principal

_MOST_BUFFERED = 25 * 2**20


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request ended; `code` is AWS's error code, and empty when it went well.

    `resource` is what the operation touches, "*" where that is no single thing, and empty when the
    request did not come as far.
    """

    request_id: str
    principal: Principal | None
    operation: OperationId | None
    resource: str
    code: str


@dataclass(slots=True)
class _Exchange:
    """What is known of a request so far; a failure is rendered and recorded from it."""

    request: AwsRequest
    request_id: str
    routed: RoutedOperation | None = None
    principal: Principal | None = None
    resource: str = ""
    code: str = ""


class AwsDoor:
    """A pure ASGI app. `admit` holds a principal to its limits and raises RateLimited.

    `most_buffered` bounds a body that is read whole, in bytes; streams are unbounded.
    """

    def __init__(
        self,
        backends: Backends,
        *,
        authenticate: Authenticate,
        admit: Callable[[Principal], Awaitable[None]],
        record: Callable[[Outcome], Awaitable[None]],
        most_buffered: int = _MOST_BUFFERED,
        operations: Mapping[OperationId, Operation] = SERVED,
    ) -> None:
        self._backends = backends
        self._authenticate, self._admit, self._record = authenticate, admit, record
        self._most_buffered = most_buffered
        self._operations = operations
        warm()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        channel = Channel(scope, receive, send)
        exchange = _Exchange(read_head(scope, channel.body()), str(uuid4()))
        try:
            response = await self._answer(exchange, channel)
            _add_request_id(exchange, response)
            await channel.send(response)
        except ClientGone:
            exchange.code = "ClientGone"
        except Exception:
            # The answer had begun: nothing but a cut connection can tell the client.
            exchange.code = "InternalFailure"
            raise
        finally:
            await self._record(_outcome(exchange))

    async def _answer(self, exchange: _Exchange, channel: Channel) -> Response:
        try:
            return await self._serve(exchange, channel)
        except ClientGone:
            raise
        except Exception as error:  # noqa: BLE001 - the edge: a bug becomes an answer that hides it
            return _refuse(exchange, error)

    async def _serve(self, exchange: _Exchange, channel: Channel) -> Response:
        """The whole path of a request."""
        request, form = await with_form(exchange.request)
        routed = exchange.routed = route(request, form)
        request = self._bound(request, routed)
        signed = await self._authenticate(request, routed)
        principal = exchange.principal = signed.principal
        await self._admit(principal)
        operation = served(self._operations, routed)
        body = signed.body if routed.spec.streams_in else await gather(signed.body)
        parameters = parse(routed, request, body)
        validate(routed.spec, parameters)
        exchange.resource = operation.resource(parameters)
        authorize(principal, operation, exchange.resource)
        call = Call(
            principal=principal,
            request=request,
            request_id=exchange.request_id,
            backends=self._backends,
            operation=routed.id,
            length=signed.length,
            trailers=signed.trailers,
            form=signed.form,
        )
        reply = await channel.guard(operate(operation, call, parameters))
        response = serialize(
            routed,
            reply.members,
            exchange.request_id,
            lambda error: _stream_failed(exchange, error),
        )
        response.status = reply.status or response.status
        for name, value in reply.headers.items():
            response.headers.append((name.lower().encode(), header_value(value)))
        return response

    def _bound(self, request: AwsRequest, routed: RoutedOperation) -> AwsRequest:
        if routed.spec.streams_in:
            return request
        return bound(request, self._most_buffered)


def _refuse(exchange: _Exchange, error: Exception) -> Response:
    described = _failed(exchange, error)
    return error_response(_protocol(exchange), described, exchange.request_id)


def _stream_failed(exchange: _Exchange, error: Exception) -> tuple[str, str, Mapping[str, Any]]:
    """The code, the message and the members of the exception that ends an event stream."""
    described = _failed(exchange, error)
    return described.code, described.message, described.members


def _failed(exchange: _Exchange, error: Exception) -> WireError:
    """Books the request as failed; returns what the client is told."""
    told = expected(error, exchange.request_id)
    path = exchange.request.raw_path
    described = wire_error(told, _protocol(exchange), exchange.routed, resource=path)
    exchange.code = described.code
    return described


def _protocol(exchange: _Exchange) -> Protocol:
    """That of the operation, or what a client that reached none will most likely understand."""
    if exchange.routed is not None:
        return exchange.routed.protocol
    request = exchange.request
    if signing_name(request) == "s3":
        return "rest-xml"
    if request.header("x-amz-target"):
        return "json"
    return "query" if has_form(request) else "rest-json"


def _add_request_id(exchange: _Exchange, response: Response) -> None:
    value = exchange.request_id.encode()
    if _protocol(exchange) == "rest-xml":
        response.headers += [(b"x-amz-request-id", value), (b"x-amz-id-2", value)]
    else:
        response.headers.append((b"x-amzn-requestid", value))


def _outcome(exchange: _Exchange) -> Outcome:
    return Outcome(
        request_id=exchange.request_id,
        principal=exchange.principal,
        operation=exchange.routed.id if exchange.routed else None,
        resource=exchange.resource,
        code=exchange.code,
    )
