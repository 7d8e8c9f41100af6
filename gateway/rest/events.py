"""Server-sent events out of pydantic models."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import orjson
from fastapi import Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from gateway.rest.caller import fails
from kit.problems import problem

EVENT_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}
}


def events(request: Request, lines: AsyncGenerator[BaseModel, None]) -> StreamingResponse:
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
            except Exception as error:  # noqa: BLE001 - the edge: it is the stream's last event
                told = problem(fails(request, error), request.state.request_id)
                yield b"event: error\ndata: " + orjson.dumps(told) + b"\n\n"

    return StreamingResponse(stream(), media_type="text/event-stream")
