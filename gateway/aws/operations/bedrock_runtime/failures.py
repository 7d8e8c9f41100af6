"""Errors in mid-stream, under the names that Bedrock's streams have for them."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from gateway.aws.operations.bedrock_runtime.asked import SERVICE
from gateway.aws.registry import errors
from kit.errors import DeadlineExceeded, NotReady, Unavailable, UpstreamFailed

Events = AsyncGenerator[Mapping[str, Any], None]


class StreamBroke(UpstreamFailed):
    """The model failed after it had begun to answer."""


errors(SERVICE, {StreamBroke: "ModelStreamErrorException"})


async def modelled(events: Events, *, has_timeouts: bool) -> Events:
    """`has_timeouts`: whether this stream has a name for a model that is too slow."""
    async with aclosing(events):
        try:
            async for event in events:
                yield event
        except UpstreamFailed as error:
            raise StreamBroke(error.message) from error
        except DeadlineExceeded as error:
            raise error if has_timeouts else StreamBroke(error.message) from error
        except NotReady as error:
            raise Unavailable(error.message, retry_after=error.retry_after) from error
