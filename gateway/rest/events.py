"""Server-sent events out of pydantic models."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import orjson
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from kit.errors import PlatformError
from kit.problems import problem

EVENT_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}
}


def events(lines: AsyncGenerator[BaseModel, None]) -> StreamingResponse:
    """Each model is the data of one event; a failure on the way is an event named `error`.

    A model's `seq` is the event's id, which a browser that lost the stream sends back.
    """

    async def stream() -> AsyncGenerator[bytes, None]:
        async with aclosing(lines):
            try:
                async for line in lines:
                    if (seq := getattr(line, "seq", None)) is not None:
                        yield b"id: %d\n" % seq
                    yield b"data: " + line.model_dump_json(exclude_none=True).encode() + b"\n\n"
            except PlatformError as error:
                yield b"event: error\ndata: " + orjson.dumps(problem(error)) + b"\n\n"

    return StreamingResponse(stream(), media_type="text/event-stream")
