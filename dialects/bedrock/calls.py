"""Tool calls as bodies hold them: ids, and arguments that are objects."""

from typing import Any

import orjson

from contracts.generation.answers import Delta, FinishReason
from contracts.generation.messages import ToolCall
from dialects.body import Json, Members, built
from kit.errors import UpstreamFailed


class Calls:
    """Gathers the calls of a stream, for wires that tell of them whole."""

    def __init__(self) -> None:
        self._calls: dict[int, ToolCall] = {}

    def add(self, delta: Delta) -> None:
        for part in delta.tool_calls:
            known = self._calls.get(part.index)
            if known is None:
                identity = part.id or f"call_{part.index}"
                known = ToolCall(id=identity, name=part.name or "tool", arguments="")
            arguments = known.arguments + part.arguments
            self._calls[part.index] = known.model_copy(update={"arguments": arguments})

    def made(self) -> list[ToolCall]:
        return [self._calls[index] for index in sorted(self._calls)]


def arguments_of(call: ToolCall, reason: FinishReason | None) -> Json:
    """A call that `max_tokens` cut in two has none; the reason tells of it.

    Raises UpstreamFailed where the model wrote what is no JSON object.
    """
    try:
        arguments = orjson.loads(call.arguments or "{}")
    except orjson.JSONDecodeError as error:
        if reason == "length":
            return {}
        raise _malformed(call) from error
    if not isinstance(arguments, dict):
        raise _malformed(call)
    return arguments


def call_of(members: Members, *, id: str, name: str, input: str) -> ToolCall:
    """Of an earlier answer; `id`, `name` and `input` are what its members are called here."""
    return built(
        ToolCall,
        members.at,
        id=members.text(id, least=1),
        name=members.text(name, least=1),
        arguments=as_json(members.document(input)),
    )


def as_json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _malformed(call: ToolCall) -> UpstreamFailed:
    return UpstreamFailed(f"The model called the tool {call.name} with what is no JSON object.")
