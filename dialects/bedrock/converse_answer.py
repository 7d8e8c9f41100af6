"""What Converse and Nova answer: one message whole, or as events."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from contracts.generation.answers import Delta, FinishReason, Generation, Usage
from dialects.bedrock.blocks import Block, BlockPart, BlockStart, blocks
from dialects.bedrock.calls import arguments_of
from dialects.bedrock.progress import Progress, fresh_tokens
from dialects.body import Json

STOPS: dict[FinishReason, str] = {
    "stop": "end_turn",
    "stop_sequence": "stop_sequence",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "refusal": "content_filtered",
}


def message_of(made: Generation) -> Json:
    """Raises UpstreamFailed for a tool's input that is no JSON object."""
    content: list[Json] = [{"text": made.text}] if made.text else []
    for call in made.first.tool_calls:
        given = arguments_of(call, made.first.finish_reason)
        used = {"toolUseId": call.id, "name": call.name, "input": given}
        content.append({"toolUse": used})
    return {"role": "assistant", "content": content}


def usage_of(made: Generation | Usage) -> Json:
    usage = {
        "inputTokens": fresh_tokens(made),
        "outputTokens": made.output_tokens,
        "totalTokens": made.input_tokens + made.output_tokens,
    }
    return usage | ({"cacheReadInputTokens": made.cached_tokens} if made.cached_tokens else {})


async def message_events(
    progress: Progress, deltas: AsyncGenerator[Delta, None]
) -> AsyncGenerator[Json, None]:
    """Up to the end of the last block; Converse does not tell of the beginning of text."""
    yield {"messageStart": {"role": "assistant"}}
    async with aclosing(blocks(progress, deltas)) as found:
        async for block in found:
            if not isinstance(block, BlockStart) or block.name:
                yield _event(block)


def _event(block: Block) -> Json:
    told: dict[str, Any] = {"contentBlockIndex": block.index}
    if isinstance(block, BlockStart):
        start = {"toolUse": {"toolUseId": block.id, "name": block.name}}
        return {"contentBlockStart": {"start": start, **told}}
    if isinstance(block, BlockPart):
        delta = {"toolUse": {"input": block.text}} if block.is_input else {"text": block.text}
        return {"contentBlockDelta": {"delta": delta, **told}}
    return {"contentBlockStop": told}
