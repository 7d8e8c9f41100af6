"""POST /chat/completions: a chat as a contract, and its answer as OpenAI's object."""

from collections.abc import AsyncGenerator
from typing import Annotated, Literal

from pydantic import Field

from contracts.generation.answers import Choice, Delta, Generation
from contracts.generation.messages import ToolCall
from contracts.generation.requests import ChatRequest
from dialects.body import Json, built
from dialects.dialect import Exchange
from dialects.openai.answers import FINISHES, frame, usage_of
from dialects.openai.body import ListOf, read
from dialects.openai.chat_chunks import chunks
from dialects.openai.logprobs import chat_logprobs
from dialects.openai.messages import Message, chat_messages
from dialects.openai.sampling import Kept, Sampled, includes_usage
from dialects.openai.tools import Choice as ToolChosen
from dialects.openai.tools import Format, OfferedTool, chosen, json_format, offered
from kit.errors import InvalidRequest

Limit = Annotated[int, Field(ge=1, le=1_000_000)]


class ChatBody(Sampled, Kept):
    """What is served of OpenAI's chat completions; a member beyond is refused by name."""

    messages: Annotated[ListOf[Message], Field(min_length=1, max_length=2000)]
    max_tokens: Limit | None = None
    max_completion_tokens: Limit | None = None
    logprobs: bool = False
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    tools: Annotated[ListOf[OfferedTool], Field(max_length=128)] = Field(default_factory=list)
    tool_choice: ToolChosen = "auto"
    parallel_tool_calls: bool = True
    response_format: Format | None = None
    modalities: ListOf[Literal["text"]] = Field(default_factory=list)


class ChatDialect:
    """Pure; one for all."""

    def read(self, model: str, body: Json) -> ChatRequest:
        """`model` stands for the body's own."""
        asked = read(ChatBody, body | {"model": model})
        if asked.top_logprobs is not None and not asked.logprobs:
            raise InvalidRequest(
                "top_logprobs is only allowed with `logprobs: true`.", param="top_logprobs"
            )
        tools = offered(asked.tools)
        return built(
            ChatRequest,
            messages=chat_messages(asked.messages),
            max_tokens=asked.max_completion_tokens or asked.max_tokens,
            logprobs=(asked.top_logprobs or 0) if asked.logprobs else None,
            tools=tools,
            tool_choice=chosen(asked.tool_choice, tools),
            parallel_tool_calls=asked.parallel_tool_calls,
            format=json_format(asked.response_format),
            **asked.sampling(),
        )

    def whole(self, exchange: Exchange, made: Generation) -> Json:
        return {
            **frame("chatcmpl", "chat.completion", exchange.model),
            "choices": [_choice(index, choice) for index, choice in enumerate(made.choices)],
            "usage": usage_of(made),
        }

    def parts(
        self, exchange: Exchange, deltas: AsyncGenerator[Delta, None]
    ) -> AsyncGenerator[Json, None]:
        """Chunks, the one with the usage included where it was asked for."""
        head = frame("chatcmpl", "chat.completion.chunk", exchange.model)
        return chunks(head, deltas, includes_usage=includes_usage(exchange.body))


def _choice(index: int, choice: Choice) -> Json:
    """A refusal stands in both members, for clients that know only of the content."""
    message: Json = {
        "role": "assistant",
        "content": choice.text or (None if choice.tool_calls else ""),
        "refusal": choice.text if choice.finish_reason == "refusal" else None,
    }
    if choice.tool_calls:
        message["tool_calls"] = [_call(call) for call in choice.tool_calls]
    return {
        "index": index,
        "message": message,
        "finish_reason": FINISHES[choice.finish_reason],
        "logprobs": chat_logprobs(choice.tokens),
    }


def _call(call: ToolCall) -> Json:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}
