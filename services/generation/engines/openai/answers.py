"""The OpenAI wire: what whole answers and stream events mean."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, zip_longest
from typing import Any

import orjson

from contracts.generation.answers import (
    Alternative,
    Choice,
    Delta,
    FinishReason,
    Generation,
    Token,
    ToolCallDelta,
    Usage,
)
from contracts.generation.messages import ToolCall
from kit.errors import UpstreamFailed
from services.generation.engines.openai.refusals import message_of

_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "refusal",
    "eos_token": "stop",
    "stop_sequence": "stop_sequence",
}
_Told = dict[str, Any]


def whole_answer(model: str, answer: bytes, adapter: str = "") -> Generation:
    """Of a chat or a completion; `model` is the id to tell. Raises UpstreamFailed."""
    told = _object(answer)
    with READABLE:
        choices = [_choice(choice) for choice in told["choices"]]
        prompt, _ = _tokens(told["choices"][0])
        counts = _counts(told.get("usage") or {})
        return Generation(
            choices=choices, model=model, adapter=adapter, prompt_tokens=prompt, **counts
        )


class StreamReader:
    """Turns the `data:` payloads of a stream into deltas; the last comes from `finish`."""

    def __init__(self, model: str, adapter: str = "") -> None:
        self._model, self._adapter = model, adapter
        self._open: set[int] = {0}  # choices that have not ended; the first is always there
        self._usage: _Told = {}
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
            counts = _counts(self._usage)
            return Delta(usage=Usage(model=self._model, adapter=self._adapter, **counts))

    def _read(self, payload: bytes) -> list[Delta]:
        told = _object(payload)
        if told.get("error"):
            raise UpstreamFailed(f"The model server broke off: {message_of(told)}")
        with READABLE:
            usage = told.get("usage") or {}
            self._usage = usage or self._usage
            return [delta for choice in told["choices"] if (delta := self._delta(choice, usage))]

    def _delta(self, choice: _Told, usage: _Told) -> Delta | None:
        """Members that say nothing are left out: most parts are a text and its count."""
        index = choice.get("index", 0)
        said = choice.get("delta") or {}
        parts: _Told = {}
        if text := choice.get("text") or said.get("content") or said.get("refusal"):
            parts["text"] = text
        if calls := said.get("tool_calls"):
            parts["tool_calls"] = [_call_delta(call) for call in calls]
        if choice.get("logprobs"):
            parts["prompt_tokens"], parts["tokens"] = _tokens(choice)
        if choice.get("finish_reason") is not None:
            self._open.discard(index)
            parts["finish_reason"], parts["stop"] = _reason(choice, said)
        else:
            self._open.add(index)
        if not any(parts.values()):
            return None
        return Delta(index=index, **parts, **self._new(index, usage))

    def _new(self, index: int, usage: _Told) -> dict[str, int]:
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
    except UpstreamFailed:
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


def _choice(choice: _Told) -> Choice:
    message = choice.get("message") or {}
    reason, stop = _reason(choice, message)
    return Choice(
        text=choice.get("text") or message.get("content") or message.get("refusal") or "",
        finish_reason=reason,
        stop=stop,
        tool_calls=[_call(call) for call in message.get("tool_calls") or ()],
        tokens=_tokens(choice)[1],
    )


def _reason(choice: _Told, message: _Told) -> tuple[FinishReason, str | None]:
    """vLLM tells the stop sequence, or the id of the token, that ended an answer."""
    if message.get("refusal"):
        return "refusal", None
    stop = choice.get("stop_reason")
    if choice["finish_reason"] == "stop" and isinstance(stop, str):
        return "stop_sequence", stop
    return _REASONS.get(str(choice["finish_reason"]), "stop"), None


def _call(call: _Told) -> ToolCall:
    function = call["function"]
    return ToolCall(id=call["id"], name=function["name"], arguments=function["arguments"] or "")


def _call_delta(call: _Told) -> ToolCallDelta:
    function = call.get("function") or {}
    return ToolCallDelta(
        index=call.get("index", 0),
        id=call.get("id"),
        name=function.get("name"),
        arguments=function.get("arguments") or "",
    )


def _tokens(choice: _Told) -> tuple[list[Token] | None, list[Token] | None]:
    """Of an echoed prompt, and of the answer.

    With their ids where the server gives those too (vLLM's `return_token_ids`); the prompt's come
    first then, and there are more rows than ids of the answer.
    """
    told = choice.get("logprobs")
    if not told:
        return None, None
    rows = list(_chat_rows(told) if told.get("content") is not None else _completion_rows(told))
    ids, prompt = choice.get("token_ids") or (), choice.get("prompt_token_ids") or ()
    if not prompt or len(rows) < len(prompt) + len(ids):
        return None, _with_ids(rows, ids)
    start = len(prompt)
    return _with_ids(rows[:start], prompt), _with_ids(rows[start:], ids)


def _with_ids(rows: "list[_Row]", ids: Sequence[int]) -> list[Token]:
    return [
        Token(text=text, logprob=logprob, id=id, likeliest=likeliest)
        for (text, logprob, likeliest), id in zip_longest(rows, ids[: len(rows)])
    ]


_Row = tuple[str, float | None, list[Alternative]]


def _chat_rows(told: _Told) -> Iterator[_Row]:
    for row in told["content"]:
        top = [Alternative(text=t["token"], logprob=t["logprob"]) for t in row["top_logprobs"]]
        yield row["token"], row["logprob"], top


def _completion_rows(told: _Told) -> Iterator[_Row]:
    tops = told.get("top_logprobs") or ()
    for text, logprob, top in zip_longest(told["tokens"], told["token_logprobs"], tops):
        likeliest = [Alternative(text=t, logprob=p) for t, p in (top or {}).items()]
        yield text, logprob, likeliest


def _counts(told: _Told) -> dict[str, int]:
    details = told.get("prompt_tokens_details") or {}
    return {
        "input_tokens": told.get("prompt_tokens") or 0,
        "output_tokens": told.get("completion_tokens") or 0,
        "cached_tokens": details.get("cached_tokens") or 0,
    }


def _object(payload: bytes) -> _Told:
    try:
        told = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise _garbled() from error
    if not isinstance(told, dict):
        raise _garbled()
    return told


class _Readable:
    """An answer that lacks what the API promises is the server's fault."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        unreadable = (KeyError, IndexError, TypeError, AttributeError, ValueError)
        if isinstance(error, unreadable):
            raise _garbled() from error


READABLE = _Readable()


def _garbled() -> UpstreamFailed:
    return UpstreamFailed("The model server's answer is not in the form of the OpenAI API.")
