"""Mistral's chats: OpenAI's messages and tools, with answers that say `stop_reason`."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Literal

from pydantic import Field

from contracts.generation.answers import Delta, FinishReason, Generation
from contracts.generation.messages import ToolCall, ToolChoice
from contracts.generation.requests import ChatRequest
from dialects.bedrock.calls import Calls
from dialects.bedrock.progress import METRICS, Progress, reason_of
from dialects.body import Json, Members, built
from dialects.dialect import Exchange
from dialects.openai.body import Body, ListOf, read
from dialects.openai.messages import Message, chat_messages
from dialects.openai.tools import OfferedTool, offered

_SAMPLING = {"max_tokens", "temperature", "top_p", "top_k", "stop"}
_DEFAULT_LIMIT = 8192
_CHOICES: dict[str, ToolChoice] = {"auto": "auto", "any": "required", "none": "none"}


class _Said(Body):
    messages: Annotated[ListOf[Message], Field(min_length=1, max_length=2000)]
    tools: Annotated[ListOf[OfferedTool], Field(max_length=128)] = Field(default_factory=list)
    tool_choice: Literal["auto", "any", "none"] = "auto"


class MistralChat:
    """TextDialect."""

    def read(self, model: str, body: Json) -> ChatRequest:
        members = Members(body, _SAMPLING | _Said.model_fields.keys())
        said = read(_Said, {name: body[name] for name in body if name not in _SAMPLING})
        return built(
            ChatRequest,
            model=model,
            messages=chat_messages(said.messages),
            tools=offered(said.tools),
            tool_choice=_CHOICES[said.tool_choice],
            max_tokens=members.tokens("max_tokens", _DEFAULT_LIMIT),
            temperature=members.number("temperature", 0, 1),
            top_p=members.nucleus("top_p"),
            top_k=members.likeliest("top_k"),
            stop=members.stops("stop"),
        )

    def whole(self, exchange: Exchange, made: Generation) -> Json:
        message: Json = {"role": "assistant", "content": made.text}
        if made.first.tool_calls:
            message["tool_calls"] = [_call(call) for call in made.first.tool_calls]
        return _choice(message, _reason(reason_of(made.first)))

    async def parts(
        self, exchange: Exchange, deltas: AsyncGenerator[Delta, None]
    ) -> AsyncGenerator[Json, None]:
        """Text as it comes; tool calls whole, at the end, for the form has no parts of them."""
        progress, calls = Progress(exchange), Calls()
        async with aclosing(progress.seen(deltas)) as seen:
            async for delta in seen:
                calls.add(delta)
                if delta.text:
                    yield _choice({"role": "assistant", "content": delta.text}, None)
        message: Json = {"role": "assistant", "content": ""}
        if made := calls.made():
            message["tool_calls"] = [_call(call) for call in made]
        yield {**_choice(message, _reason(progress.reason())), METRICS: progress.metrics()}


def _choice(message: Json, reason: str | None) -> Json:
    return {"choices": [{"index": 0, "message": message, "stop_reason": reason}]}


def _call(call: ToolCall) -> Json:
    return {"id": call.id, "function": {"name": call.name, "arguments": call.arguments}}


def _reason(reason: FinishReason) -> str:
    return reason if reason in ("length", "tool_calls") else "stop"
