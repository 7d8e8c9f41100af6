"""POST /completions: one or several prompts, which run side by side."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from contracts.generation.requests import CompletionRequest
from dialects.body import read_body
from dialects.openai.completion_chunks import CompletionChunks
from dialects.openai.completions import CompletionDialect
from dialects.openai.sampling import includes_usage
from gateway.generating import generate_all, stream
from gateway.openai.asked import asked_model
from gateway.openai.call import Call, json_response
from gateway.openai.merging import side_by_side
from gateway.openai.sse import event_stream
from gateway.response import Response

_DIALECT = CompletionDialect()


async def create_completion(call: Call) -> Response:
    body = read_body(call.body)
    asked = await asked_model(call, body)
    requests = [asked.of(one) for one in _DIALECT.read_all(asked.model, body)]
    if requests[0].stream:
        chunks = CompletionChunks(asked.name, requests, includes_usage=includes_usage(body))
        return await event_stream(call, _chunks(call, requests, chunks))
    made = await generate_all(
        call.backends, call.principal, call.operation, requests, size=len(call.body)
    )
    return json_response(_DIALECT.whole_all(asked.name, requests, made))


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
