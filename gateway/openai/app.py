"""The OpenAI door: one request, from its path to its answer, as a list of steps."""

import logging
from urllib.parse import parse_qsl

from pydantic import ValidationError
from starlette.types import Receive, Scope, Send
from uuid_utils import uuid4

from contracts.contract import invalid_member
from gateway.backends import Backends
from gateway.channel import Channel, ClientGone
from gateway.gate import Gate, Visit
from gateway.openai import batches, files
from gateway.openai.call import Call
from gateway.openai.chat import create_chat_completion
from gateway.openai.completions import create_completion
from gateway.openai.embeddings import create_embeddings
from gateway.openai.errors import error_response
from gateway.openai.models import get_model, list_models
from gateway.openai.routing import Route, find
from gateway.response import Response
from kit.errors import Internal, InvalidRequest, PayloadTooLarge, PlatformError

_log = logging.getLogger(__name__)
_MOST_BODY = 32 * 2**20

ROUTES: tuple[Route, ...] = (
    Route("GET", "/models", "openai:ListModels", list_models),
    Route("GET", "/models/{id*}", "openai:GetModel", get_model),
    Route("POST", "/chat/completions", "openai:CreateChatCompletion", create_chat_completion),
    Route("POST", "/completions", "openai:CreateCompletion", create_completion),
    Route("POST", "/embeddings", "openai:CreateEmbeddings", create_embeddings),
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


class OpenAIDoor:
    """A pure ASGI app; errors are OpenAI's objects, those of routing included."""

    def __init__(self, backends: Backends, gate: Gate) -> None:
        self._backends = backends
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        channel = Channel(scope, receive, send)
        request_id = f"req_{uuid4().hex}"
        try:
            response = await self._answer(scope, channel, request_id)
            response.headers.append((b"x-request-id", request_id.encode()))
            await channel.send(response)
        except ClientGone:
            return

    async def _answer(self, scope: Scope, channel: Channel, request_id: str) -> Response:
        try:
            return await self._serve(scope, channel, request_id)
        except PlatformError as error:
            return error_response(error)
        except ClientGone:
            raise
        except Exception:  # noqa: BLE001 - the edge: a bug becomes an answer that hides it
            _log.exception("An endpoint failed", extra={"request_id": request_id})
            return error_response(Internal("The server had an error; try again."))

    async def _serve(self, scope: Scope, channel: Channel, request_id: str) -> Response:
        """The whole path of a request."""
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        principal = await self._gate.by_bearer(headers.get("authorization", ""))
        routed = find(ROUTES, scope["method"], scope["path"])
        route = routed.route
        await self._gate.admit(principal, route.operation)
        call = Call(
            principal,
            self._backends,
            route.operation,
            headers,
            query=dict(parse_qsl(scope["query_string"].decode("latin-1"))),
            body=b"" if route.streams else await _body(channel, headers.get("content-length", "0")),
            stream=channel.body(),
            argument=routed.argument,
            hosted=routed.hosted,
        )
        outcome = "internal"
        try:
            response = await channel.guard(route.endpoint(call))
            outcome = "ok"
        except ValidationError as error:
            outcome = InvalidRequest.code
            raise invalid_member(error) from error
        except PlatformError as error:
            outcome = error.code
            raise
        finally:
            await self._gate.record(Visit(principal, route.operation, outcome, request_id))
        return response


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
