"""Claude's Messages payload, whole and as the events of its stream."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from uuid_utils import uuid4

from contracts.generation.answers import Delta, FinishReason, Generation
from contracts.generation.requests import ChatRequest
from dialects.bedrock.blocks import Block, BlockPart, BlockStart, blocks
from dialects.bedrock.calls import arguments_of
from dialects.bedrock.claude_content import messages_of
from dialects.bedrock.claude_tools import tools_of
from dialects.bedrock.progress import METRICS, Progress, fresh_tokens, reason_of
from dialects.bedrock.turns import continues
from dialects.body import Json, Members, built
from dialects.dialect import Exchange

_VERSION = "bedrock-2023-05-31"
_MEMBERS = {
    "anthropic_version", "max_tokens", "messages", "system", "metadata", "tools", "tool_choice",
    "temperature", "top_p", "top_k", "stop_sequences", "thinking", "anthropic_beta",
}  # fmt: skip
_STOPS: dict[FinishReason, str] = {
    "stop": "end_turn",
    "stop_sequence": "stop_sequence",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "refusal": "refusal",
}


class ClaudeMessages:
    """TextDialect."""

    def read(self, model: str, body: Json) -> ChatRequest:
        members = Members(body, _MEMBERS)
        members.one_of("anthropic_version", (_VERSION,))
        members.refuse("anthropic_beta")
        members.object("thinking", {"type", "budget_tokens"}).one_of(
            "type", ("disabled",), "disabled"
        )
        if "max_tokens" not in members:
            raise members.wrong("max_tokens", "is required")
        said = messages_of(members)
        return built(
            ChatRequest,
            model=model,
            messages=said,
            continues=continues(said),
            max_tokens=members.tokens("max_tokens"),
            temperature=members.number("temperature", 0, 1),
            top_p=members.nucleus("top_p"),
            top_k=members.likeliest("top_k"),
            stop=members.stops("stop_sequences"),
            **tools_of(members),
        )

    def whole(self, exchange: Exchange, made: Generation) -> Json:
        content: list[Json] = [{"type": "text", "text": made.text}] if made.text else []
        for call in made.first.tool_calls:
            given = arguments_of(call, made.first.finish_reason)
            used = {"id": call.id, "name": call.name, "input": given}
            content.append({"type": "tool_use", **used})
        return {
            **_message(exchange.model),
            "content": content,
            "stop_reason": _STOPS[reason_of(made.first)],
            "stop_sequence": made.first.stop,
            "usage": _usage(made),
        }

    async def parts(
        self, exchange: Exchange, deltas: AsyncGenerator[Delta, None]
    ) -> AsyncGenerator[Json, None]:
        """The input's tokens are told at the start where the engine tells them by then, and again
        at the end where some of them turned out to be cached."""
        progress = Progress(exchange)
        has_begun = False
        async with aclosing(blocks(progress, deltas)) as found:
            async for block in found:
                if not has_begun:
                    has_begun = True
                    yield _start(exchange, progress)
                yield _event(block)
        if not has_begun:
            yield _start(exchange, progress)
        yield {
            "type": "message_delta",
            "delta": {"stop_reason": _STOPS[progress.reason()], "stop_sequence": progress.stop},
            "usage": _usage(progress)
            if progress.cached_tokens
            else {"output_tokens": progress.output_tokens},
        }
        yield {"type": "message_stop", METRICS: progress.metrics()}


def _message(model: str) -> Json:
    identity = f"msg_bdrk_{uuid4().hex[:24]}"
    return {"id": identity, "type": "message", "role": "assistant", "model": model}


def _usage(told: Generation | Progress) -> Json:
    cached = {"cache_read_input_tokens": told.cached_tokens} if told.cached_tokens else {}
    return {"input_tokens": fresh_tokens(told), **cached, "output_tokens": told.output_tokens}


def _start(exchange: Exchange, progress: Progress) -> Json:
    message = {
        **_message(exchange.model),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _usage(progress),
    }
    return {"type": "message_start", "message": message}


def _event(block: Block) -> Json:
    told: dict[str, Any] = {"index": block.index}
    if isinstance(block, BlockStart):
        begun: Json = {"type": "text", "text": ""}
        if block.name:
            begun = {"type": "tool_use", "id": block.id, "name": block.name, "input": {}}
        return {"type": "content_block_start", **told, "content_block": begun}
    if isinstance(block, BlockPart):
        delta = {"type": "text_delta", "text": block.text}
        if block.is_input:
            delta = {"type": "input_json_delta", "partial_json": block.text}
        return {"type": "content_block_delta", **told, "delta": delta}
    return {"type": "content_block_stop", **told}
