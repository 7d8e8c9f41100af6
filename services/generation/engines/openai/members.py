"""The OpenAI wire: what members mean that whole answers and the events of streams share."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any, TypeAlias

import orjson

from contracts.generation.answers import Alternative, FinishReason, Token
from kit.errors import UpstreamFailed

_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "refusal",
    "eos_token": "stop",
    "stop_sequence": "stop_sequence",
}
Told: TypeAlias = dict[str, Any]


def told_of(payload: bytes) -> Told:
    try:
        told = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise _garbled() from error
    if not isinstance(told, dict):
        raise _garbled()
    return told


def reason_of(choice: Told, message: Told) -> tuple[FinishReason, str | None]:
    """vLLM tells the stop sequence, or the id of the token, that ended an answer."""
    if message.get("refusal"):
        return "refusal", None
    stop = choice.get("stop_reason")
    if choice["finish_reason"] == "stop" and isinstance(stop, str):
        return "stop_sequence", stop
    return _REASONS.get(str(choice["finish_reason"]), "stop"), None


def tokens_of(choice: Told) -> tuple[list[Token] | None, list[Token] | None]:
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


def _chat_rows(told: Told) -> Iterator[_Row]:
    for row in told["content"]:
        top = [Alternative(text=t["token"], logprob=t["logprob"]) for t in row["top_logprobs"]]
        yield row["token"], row["logprob"], top


def _completion_rows(told: Told) -> Iterator[_Row]:
    tops = told.get("top_logprobs") or ()
    for text, logprob, top in zip_longest(told["tokens"], told["token_logprobs"], tops):
        likeliest = [Alternative(text=t, logprob=p) for t, p in (top or {}).items()]
        yield text, logprob, likeliest


def counts_of(told: Told) -> dict[str, int]:
    details = told.get("prompt_tokens_details") or {}
    return {
        "input_tokens": told.get("prompt_tokens") or 0,
        "output_tokens": told.get("completion_tokens") or 0,
        "cached_tokens": details.get("cached_tokens") or 0,
    }


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
