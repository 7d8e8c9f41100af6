"""The OpenAI wire: what the events of a stream mean."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from contracts.generation.answers import Delta, ToolCallDelta, Usage
from kit.errors import PlatformError, UpstreamFailed
from services.generation.engines.openai.members import (
    READABLE,
    Told,
    counts_of,
    reason_of,
    tokens_of,
    told_of,
)
from services.generation.engines.openai.refusals import refused_within


class StreamReader:
    """Turns the `data:` payloads of a stream into deltas; the last comes from `finish`."""

    def __init__(self, model: str, adapter: str = "") -> None:
        self._model, self._adapter = model, adapter
        self._open: set[int] = {0}  # choices that have not ended; the first is always there
        self._usage: Told = {}
        self._counted: dict[int, int] = {}  # tokens of each choice that were told of already

    def read(self, payloads: Sequence[bytes]) -> Iterator[Delta]:
        """What these events add; nothing for those that only tell of counts and roles.

        A part for each event, as long as whoever reads keeps up. What came before an event that
        cannot be read is not lost.
        """
        deltas = chain.from_iterable(map(self._read, payloads))
        return deltas if len(payloads) <= _BEHIND else _joined(deltas)

    def finish(self) -> Delta:
        """Raises UpstreamFailed when the stream ended before the model had finished."""
        if self._open:
            raise UpstreamFailed("The model server's answer broke off before its end; try again.")
        with READABLE:
            counts = counts_of(self._usage)
            return Delta(usage=Usage(model=self._model, adapter=self._adapter, **counts))

    def _read(self, payload: bytes) -> list[Delta]:
        told = told_of(payload)
        if error := told.get("error"):
            raise refused_within(error, payload)
        with READABLE:
            usage = told.get("usage") or {}
            self._usage = usage or self._usage
            return [delta for choice in told["choices"] if (delta := self._delta(choice, usage))]

    def _delta(self, choice: Told, usage: Told) -> Delta | None:
        """Members that say nothing are left out: most parts are a text and its count."""
        index = choice.get("index", 0)
        said = choice.get("delta") or {}
        parts: Told = {}
        if text := choice.get("text") or said.get("content") or said.get("refusal"):
            parts["text"] = text
        if calls := said.get("tool_calls"):
            parts["tool_calls"] = [_call_delta(call) for call in calls]
        if choice.get("logprobs"):
            parts["prompt_tokens"], parts["tokens"] = tokens_of(choice)
        if choice.get("finish_reason") is not None:
            self._open.discard(index)
            parts["finish_reason"], parts["stop"] = reason_of(choice, said)
        else:
            self._open.add(index)
        if not any(parts.values()):
            return None
        return Delta(index=index, **parts, **self._new(index, usage))

    def _new(self, index: int, usage: Told) -> dict[str, int]:
        """The tokens since the last part, where the server counts them in every event (vLLM)."""
        total = usage.get("completion_tokens")
        if total is None:
            return {}
        read = 0 if self._counted else usage.get("prompt_tokens") or 0
        new = total - self._counted.get(index, 0)
        self._counted[index] = total
        return {"input_tokens": read, "output_tokens": new} if read else {"output_tokens": new}


_BEHIND = 16
"""Events at hand at once: from there on texts are joined, for fewer parts are quicker to send."""
_TEXT = {"index", "text", "input_tokens", "output_tokens"}


def _joined(deltas: Iterable[Delta]) -> Iterator[Delta]:
    """The same, with neighbours as one part that are nothing but texts of one choice."""
    held: Delta | None = None
    try:
        for delta in deltas:
            both = None if held is None else _both(held, delta)
            if held is not None and both is None:
                yield held
            held = delta if both is None else both
    except PlatformError:
        if held is not None:
            yield held
        raise
    if held is not None:
        yield held


def _both(one: Delta, two: Delta) -> Delta | None:
    if one.index != two.index or not (one.model_fields_set | two.model_fields_set) <= _TEXT:
        return None
    return Delta(
        index=one.index,
        text=one.text + two.text,
        input_tokens=one.input_tokens + two.input_tokens,
        output_tokens=one.output_tokens + two.output_tokens,
    )


def _call_delta(call: Told) -> ToolCallDelta:
    function = call.get("function") or {}
    return ToolCallDelta(
        index=call.get("index", 0),
        id=call.get("id"),
        name=function.get("name"),
        arguments=function.get("arguments") or "",
    )
