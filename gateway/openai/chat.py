"""POST /chat/completions: whole, or as server-sent events."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from time import time
from typing import Annotated, Any, Literal

import orjson
from pydantic import Field
from uuid_utils import uuid4

from contracts.generation.messages import ChatMessage
from contracts.generation.requests import ChatRequest
from gateway.openai.call import Body, Call, json_response, read
from gateway.openai.errors import error_object
from gateway.response import Response
from kit.auth.metering import Spending
from kit.errors import PlatformError
from kit.service import started

_FINISHES = {
    "stop": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "refusal": "stop",
}


class TextPart(Body):
    type: Literal["text"]
    text: str


class Message(Body):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]
    name: str | None = None


class StreamOptions(Body):
    include_usage: bool = False


class ChatCompletionRequest(Body):
    """What every engine can honour; a parameter beyond is refused by name."""

    model: str = Field(min_length=1, max_length=2048)
    messages: Annotated[list[Message], Field(min_length=1)]
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    stop: str | Annotated[list[str], Field(max_length=4)] | None = None
    n: Literal[1] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: str | None = None


async def create_chat_completion(call: Call) -> Response:
    asked = read(call, ChatCompletionRequest)
    request = _request(asked)
    if asked.stream:
        events = await started(_events(call, asked, request))
        return Response(200, [(b"content-type", b"text/event-stream")], events)
    async with call.spending(asked.model, "text") as spent:
        answer = await call.backends.generation.generate(call.principal, request)
        spent.tokens_in, spent.tokens_out = answer.input_tokens, answer.output_tokens
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": answer.text, "refusal": None},
        "finish_reason": _FINISHES[answer.first.finish_reason],
        "logprobs": None,
    }
    return json_response(_frame(asked, "chat.completion", [choice], usage=_usage(spent)))


def _request(asked: ChatCompletionRequest) -> ChatRequest:
    return ChatRequest(
        model=asked.model,
        messages=[
            ChatMessage(
                role="system" if message.role == "developer" else message.role,
                content=_text(message.content),
            )
            for message in asked.messages
        ],
        max_tokens=asked.max_completion_tokens or asked.max_tokens,
        temperature=asked.temperature,
        top_p=asked.top_p,
        stop=[asked.stop] if isinstance(asked.stop, str) else asked.stop or [],
    )


async def _events(
    call: Call, asked: ChatCompletionRequest, request: ChatRequest
) -> AsyncGenerator[bytes, None]:
    """Every event has one id; an error after the first one is an event of its own."""
    frame = _frame(asked, "chat.completion.chunk", [])

    def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return _sse({**frame, "choices": [choice]})

    async with call.spending(asked.model, "text") as spent:
        deltas = call.backends.generation.stream(call.principal, request)
        reason = "stop"
        async with aclosing(deltas):
            last = await anext(deltas)
            yield event({"role": "assistant", "content": last.text})
            try:
                async for last in deltas:
                    if last.text:
                        yield event({"content": last.text})
                    reason = last.finish_reason or reason
            except PlatformError as error:
                yield _sse({"error": error_object(error)})
                return
        if last.usage is not None:
            spent.tokens_in, spent.tokens_out = last.usage.input_tokens, last.usage.output_tokens
    yield event({}, _FINISHES[reason])
    if asked.stream_options is not None and asked.stream_options.include_usage:
        yield _sse({**frame, "choices": [], "usage": _usage(spent)})
    yield b"data: [DONE]\n\n"


def _frame(
    asked: ChatCompletionRequest, kind: str, choices: list[dict[str, Any]], **more: Any
) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{uuid4().hex}",
        "object": kind,
        "created": int(time()),
        "model": asked.model,
        "choices": choices,
        **more,
    }


def _usage(spent: Spending) -> dict[str, int]:
    return {
        "prompt_tokens": spent.tokens_in,
        "completion_tokens": spent.tokens_out,
        "total_tokens": spent.tokens_in + spent.tokens_out,
    }


def _text(content: str | list[TextPart]) -> str:
    return content if isinstance(content, str) else "\n".join(part.text for part in content)


def _sse(data: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(data) + b"\n\n"
