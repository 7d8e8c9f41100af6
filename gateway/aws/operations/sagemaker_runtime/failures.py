"""How an endpoint fails: its container's refusals within ModelError, and breaks in mid-stream."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from typing import Any

import orjson

from contracts.generation.invocations import Target
from dialects.sagemaker.exchange import FORMS
from gateway.aws.registry import Call, ErrorMembers, errors
from kit.errors import (
    Conflict,
    DeadlineExceeded,
    Internal,
    InvalidRequest,
    NotFound,
    PermissionDenied,
    PlatformError,
    Unsupported,
    UpstreamFailed,
)

SERVICE = "sagemaker-runtime"
STREAM = "InvokeEndpointWithResponseStream"


class ContainerFailed(UpstreamFailed, ErrorMembers):
    """What the container would have answered, with AWS's words around it."""

    def __init__(self, call: Call, target: Target, status: int, body: dict[str, Any]) -> None:
        told = orjson.dumps(body).decode()
        side = "client" if status < 500 else "server"
        super().__init__(
            f'Received {side} error ({status}) from {target.variant} with message "{told}". '
            f"The request id {call.request_id} finds it in the platform's log."
        )
        self.members = {"OriginalStatusCode": status, "OriginalMessage": told}


class StreamBroke(UpstreamFailed, ErrorMembers):
    """The model failed, or took too long, after it had begun to answer."""

    def __init__(self, cause: PlatformError) -> None:
        super().__init__(cause.message)
        is_late = isinstance(cause, DeadlineExceeded)
        self.members = {"ErrorCode": "ModelInvocationTimeExceeded" if is_late else "StreamBroken"}


errors(
    SERVICE,
    {
        NotFound: "ValidationError",
        Conflict: "ValidationError",
        ContainerFailed: "ModelError",
    },
)
errors(
    SERVICE, {StreamBroke: "ModelStreamError", Internal: "InternalStreamFailure"}, operation=STREAM
)

_OF_THE_CONTAINER = (
    InvalidRequest,
    NotFound,
    PermissionDenied,
    Unsupported,
    UpstreamFailed,
    DeadlineExceeded,
)


@contextmanager
def as_container(call: Call, target: Target) -> Iterator[None]:
    """What is wrong with a payload, or with the model, is the container's to say."""
    try:
        yield
    except ContainerFailed:
        raise
    except _OF_THE_CONTAINER as error:
        status, body = FORMS[target.form].refusal(error)
        raise ContainerFailed(call, target, status, body) from error


async def as_stream(
    lines: AsyncGenerator[bytes, None],
) -> AsyncGenerator[dict[str, Any], None]:
    """Payload parts; a failure on the way has the name that the stream has for it."""
    async with aclosing(lines):
        try:
            async for line in lines:
                yield {"PayloadPart": {"Bytes": line}}
        except Internal:
            raise
        except PlatformError as error:
            raise StreamBroke(error) from error
