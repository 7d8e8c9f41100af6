"""A chat's answer as chunks, as it comes."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from contracts.generation.answers import Delta, ToolCallDelta
from dialects.body import Json
from dialects.openai.answers import FINISHES, usage_of
from dialects.openai.logprobs import chat_logprobs


async def chunks(
    head: Json, deltas: AsyncGenerator[Delta, None], *, includes_usage: bool
) -> AsyncGenerator[Json, None]:
    """The first of each choice has the role, the last its reason; then comes the usage."""
    if includes_usage:
        head = {**head, "usage": None}
    begun: set[int] = set()
    async with aclosing(deltas):
        async for delta in deltas:
            for choice in _choices(delta, begun):
                yield {**head, "choices": [choice]}
            if includes_usage and delta.usage is not None:
                yield {**head, "choices": [], "usage": usage_of(delta.usage)}


def _choices(delta: Delta, begun: set[int]) -> list[Json]:
    """None, one, or two where the part that ends a choice also says something."""
    made = []
    index, said = delta.index, _said(delta)
    says = bool(said) or delta.tokens is not None
    if index not in begun and (says or delta.finish_reason is not None):
        begun.add(index)
        said = {"role": "assistant", "content": "", "refusal": None, **said}
        says = True
    if says:
        made.append(_choice(index, said, chat_logprobs(delta.tokens), None))
    if delta.finish_reason is not None:
        made.append(_choice(index, {}, None, FINISHES[delta.finish_reason]))
    return made


def _choice(index: int, said: Json, logprobs: Json | None, reason: str | None) -> Json:
    return {"index": index, "delta": said, "logprobs": logprobs, "finish_reason": reason}


def _said(delta: Delta) -> Json:
    said: Json = {}
    if delta.text:
        said["content"] = delta.text
    if delta.tool_calls:
        said["tool_calls"] = [_call(call) for call in delta.tool_calls]
    return said


def _call(call: ToolCallDelta) -> Json:
    """The id, the type and the name come once."""
    function = {"arguments": call.arguments}
    if call.name is None:
        return {"index": call.index, "function": function}
    begun = {"index": call.index, "id": call.id, "type": "function"}
    return {**begun, "function": {"name": call.name, **function}}
