"""Server-sent events as OpenAI sends them."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import orjson

from dialects.openai.errors import error_object
from gateway.openai.call import Call
from gateway.response import Response
from kit.errors import PlatformError
from kit.service import started

_HEADERS = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]


async def event_stream(call: Call, chunks: AsyncGenerator[dict[str, Any], None]) -> Response:
    """Once the first chunk is there: what is refused before raises, and so has a status."""
    return Response(200, [*_HEADERS], _events(await started(chunks), call.fails))


async def _events(
    chunks: AsyncGenerator[dict[str, Any], None], fails: Callable[[Exception], PlatformError]
) -> AsyncGenerator[bytes, None]:
    """Ends with `[DONE]`, or with an error as an event of its own."""
    async with aclosing(chunks):
        try:
            async for chunk in chunks:
                yield b"data: " + orjson.dumps(chunk) + b"\n\n"
        except Exception as error:  # noqa: BLE001 - the edge: it is the stream's last event
            yield b"data: " + orjson.dumps({"error": error_object(fails(error))}) + b"\n\n"
            return
    yield b"data: [DONE]\n\n"
