"""The OpenAI door: one request, from its path to its answer, as a list of steps."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from pydantic import ValidationError
from starlette.types import Receive, Scope, Send
from uuid_utils import uuid4

from contracts.contract import invalid_member
from gateway.backends import Backends
from gateway.channel import Channel, ClientGone
from gateway.failures import expected
from gateway.gate import Gate, Visit, bearer_token
from gateway.openai import batches, files
from gateway.openai.call import Call
from gateway.openai.chat import create_chat_completion
from gateway.openai.completions import create_completion
from gateway.openai.embeddings import create_embeddings
from gateway.openai.errors import error_response
from gateway.openai.models import get_model, list_models
from gateway.openai.routing import Route, find
from gateway.response import Response
from kit.auth.principal import Principal
from kit.errors import Internal, PayloadTooLarge, PlatformError

_MOST_BODY = 32 * 2**20

ROUTES: tuple[Route, ...] = (
    Route("GET", "/models", "openai:ListModels", list_models, hosted=True),
    Route("GET", "/models/{id*}", "openai:GetModel", get_model, hosted=True),
    Route(
        "POST",
        "/chat/completions",
        "openai:CreateChatCompletion",
        create_chat_completion,
        hosted=True,
    ),
    Route("POST", "/completions", "openai:CreateCompletion", create_completion, hosted=True),
    Route("POST", "/embeddings", "openai:CreateEmbeddings", create_embeddings, hosted=True),
    Route("POST", "/files", "openai:CreateFile", files.create_file, streams=True),
    Route("GET", "/files", "openai:ListFiles", files.list_files),
    Route("GET", "/files/{id}", "openai:GetFile", files.get_file),
    Route("GET", "/files/{id}/content", "openai:GetFileContent", files.get_file_content),
    Route("DELETE", "/files/{id}", "openai:DeleteFile", files.delete_file),
    Route("POST", "/batches", "openai:CreateBatch", batches.create_batch),
    Route("GET", "/batches", "openai:ListBatches", batches.list_batches),
    Route("GET", "/batches/{id}", "openai:GetBatch", batches.get_batch),
    Route("POST", "/batches/{id}/cancel", "openai:CancelBatch", batches.cancel_batch),
)


@dataclass(slots=True)
class _Exchange:
    """What is known of a request so far; once it has ended, its visit is recorded from it.

    `outcome` is `ok` or the code of an error.
    """

    request_id: str
    principal: Principal | None = None
    operation: str = "unknown"
    resource: str = ""
    outcome: str = "ok"

    def fails(self, error: Exception) -> PlatformError:
        """What the client is told of it."""
        told = expected(error, self.request_id)
        self.outcome = told.code
        return told


class OpenAIDoor:
    """A pure ASGI app; errors are OpenAI's objects, those of routing included.

    `by_bearer` finds who has a key, and raises Unauthenticated.
    """

    def __init__(
        self, backends: Backends, gate: Gate, by_bearer: Callable[[str], Awaitable[Principal]]
    ) -> None:
        self._backends = backends
        self._gate = gate
        self._by_bearer = by_bearer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        channel = Channel(scope, receive, send)
        exchange = _Exchange(f"req_{uuid4().hex}")
        try:
            response = await self._answer(scope, channel, exchange)
            response.headers.append((b"x-request-id", exchange.request_id.encode()))
            await channel.send(response)
        except ClientGone:
            exchange.outcome = "client_gone"
        except Exception:
            # The answer had begun: nothing but a cut connection can tell the client.
            exchange.outcome = Internal.code
            raise
        finally:
            await self._record(exchange)

    async def _answer(self, scope: Scope, channel: Channel, exchange: _Exchange) -> Response:
        try:
            return await self._serve(scope, channel, exchange)
        except ClientGone:
            raise
        except Exception as error:  # noqa: BLE001 - the edge: a bug becomes an answer that hides it
            return error_response(exchange.fails(error))

    async def _serve(self, scope: Scope, channel: Channel, exchange: _Exchange) -> Response:
        """The whole path of a request."""
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        principal = await self._by_bearer(bearer_token(headers.get("authorization", "")))
        exchange.principal = principal
        routed = find(ROUTES, scope["method"], scope["path"])
        route = routed.route
        exchange.operation = route.operation
        exchange.resource = routed.argument or routed.hosted or "*"
        await self._gate.admit(principal, route.operation)
        call = Call(
            principal,
            self._backends,
            route.operation,
            headers,
            query=dict(parse_qsl(scope["query_string"].decode("latin-1"))),
            body=b"" if route.streams else await _body(channel, headers.get("content-length", "0")),
            stream=channel.body(),
            fails=exchange.fails,
            argument=routed.argument,
            hosted=routed.hosted,
        )
        try:
            return await channel.guard(route.endpoint(call))
        except ValidationError as error:
            raise invalid_member(error) from error

    async def _record(self, exchange: _Exchange) -> None:
        """Of a caller that is known."""
        if exchange.principal is not None:
            await self._gate.record(
                Visit(
                    exchange.principal,
                    exchange.operation,
                    exchange.outcome,
                    exchange.request_id,
                    exchange.resource,
                )
            )


async def _body(channel: Channel, length: str) -> bytes:
    """Refused by its stated length before it is read, and by its bytes while it is."""
    too_large = PayloadTooLarge(f"A body may have {_MOST_BODY} bytes.")
    if length.isdigit() and int(length) > _MOST_BODY:
        raise too_large
    parts, size = [], 0
    async for part in channel.body():
        size += len(part)
        if size > _MOST_BODY:
            raise too_large
        parts.append(part)
    return b"".join(parts)
