"""POST /completions: one or several prompts, which run side by side."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from contracts.generation.answers import Generation
from contracts.generation.requests import CompletionRequest
from dialects.openai.body import parsed
from dialects.openai.completion_chunks import CompletionChunks
from dialects.openai.completions import CompletionDialect, includes_usage
from gateway.generating import generate, stream
from gateway.openai.call import Call, json_response
from gateway.openai.hosted import model_of
from gateway.openai.merging import side_by_side
from gateway.openai.sse import event_stream
from gateway.response import Response

_DIALECT = CompletionDialect()


async def create_completion(call: Call) -> Response:
    body = parsed(call.body)
    name, component = await model_of(call, body)
    requests = _DIALECT.read_all(name, body)
    if component:
        requests = [one.model_copy(update={"component": component}) for one in requests]
    if requests[0].stream:
        chunks = CompletionChunks(name, requests, includes_usage=includes_usage(body))
        return await event_stream(_chunks(call, requests, chunks))
    made = await _all(call, requests)
    return json_response(_DIALECT.whole_all(name, requests, made))


async def _all(call: Call, requests: Sequence[CompletionRequest]) -> list[Generation]:
    """In the order of the requests; the first refusal stops the others."""
    size = len(call.body) // len(requests)
    tasks = [
        asyncio.create_task(
            generate(call.backends, call.principal, call.operation, request, size=size)
        )
        for request in requests
    ]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _chunks(
    call: Call, requests: Sequence[CompletionRequest], chunks: CompletionChunks
) -> AsyncGenerator[dict[str, Any], None]:
    size = len(call.body) // len(requests)
    streams = [
        stream(call.backends, call.principal, call.operation, request, size=size)
        for request in requests
    ]
    async with aclosing(side_by_side(streams)) as parts:
        async for position, delta in parts:
            for chunk in chunks.of(position, delta):
                yield chunk
    for chunk in chunks.end():
        yield chunk
