"""The OpenAI door: one request, from its path to its answer, as a list of steps."""

import logging
import re

from pydantic import ValidationError
from starlette.types import Receive, Scope, Send
from uuid_utils import uuid4

from contracts.client import invalid_member
from gateway.backends import Backends
from gateway.channel import Channel, ClientGone
from gateway.gate import Gate, Visit
from gateway.openai.call import Call, Endpoint
from gateway.openai.chat import create_chat_completion
from gateway.openai.embeddings import create_embeddings
from gateway.openai.errors import error_response
from gateway.openai.models import get_model, list_models
from gateway.response import Response
from kit.errors import (
    Internal,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    PlatformError,
)

_log = logging.getLogger(__name__)
_MOST_BODY = 32 * 2**20

PREFIX = re.compile(r"(?:/endpoints/[A-Za-z0-9-]{1,63})?(?:/openai)?/v1(?=/)")
"""Where the API stands: at /v1, and at the paths that Bedrock and SageMaker give it."""

ROUTES: dict[str, dict[str, tuple[str, Endpoint]]] = {
    "/models": {"GET": ("openai:ListModels", list_models)},
    "/models/*": {"GET": ("openai:GetModel", get_model)},
    "/embeddings": {"POST": ("openai:CreateEmbeddings", create_embeddings)},
    "/chat/completions": {"POST": ("openai:CreateChatCompletion", create_chat_completion)},
}


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
        headers = dict(scope["headers"])
        principal = await self._gate.by_bearer(headers.get(b"authorization", b"").decode("latin-1"))
        operation, endpoint, argument = _route(scope["method"], scope["path"])
        await self._gate.admit(principal, operation)
        body = await _body(channel, headers.get(b"content-length", b"0"))
        call = Call(principal, self._backends, operation, body, argument)
        outcome = "internal"
        try:
            response = await channel.guard(endpoint(call))
            outcome = "ok"
        except ValidationError as error:
            outcome = InvalidRequest.code
            raise invalid_member(error) from error
        except PlatformError as error:
            outcome = error.code
            raise
        finally:
            await self._gate.record(Visit(principal, operation, outcome, request_id))
        return response


def _route(method: str, path: str) -> tuple[str, Endpoint, str]:
    prefix = PREFIX.match(path)
    inner = path[prefix.end() :].rstrip("/") if prefix else path
    argument = ""
    methods = ROUTES.get(inner)
    if methods is None and inner.startswith("/models/"):
        methods, argument = ROUTES["/models/*"], inner.removeprefix("/models/")
    if methods is None:
        raise NotFound(f"Unknown path {path}. Served are: {', '.join(ROUTES)}.")
    if method not in methods:
        raise MethodNotAllowed(f"{path} takes {' and '.join(methods)}, not {method}.")
    return *methods[method], argument


async def _body(channel: Channel, length: bytes) -> bytes:
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
