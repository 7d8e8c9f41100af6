"""The form of Hugging Face's TGI, as server-sent events, and of LMI on vLLM, as lines."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

import orjson

from contracts.generation.answers import Choice, Delta, Generation, Token
from dialects.body import Json
from dialects.sagemaker.form import whole_answer
from dialects.sagemaker.invocation import Invocation
from dialects.sagemaker.tokens import (
    UNKNOWN_ID,
    Written,
    is_special,
    pieces,
    reason_of,
)
from kit.errors import InvalidRequest, PlatformError

_VALIDATION, _GENERATION = 422, 424


class Tgi:
    """Answers in a list."""

    stream_type = "text/event-stream"

    def whole(self, asked: Invocation, made: Sequence[Generation]) -> Json | list[Any]:
        return [_answer(asked, index, one) for index, one in enumerate(made)]

    async def stream(
        self, asked: Invocation, deltas: AsyncGenerator[Delta, None]
    ) -> AsyncGenerator[bytes, None]:
        async for line in _lines(asked, deltas):
            yield b"data:" + orjson.dumps(line) + b"\n\n"

    def refusal(self, error: PlatformError) -> tuple[int, Json]:
        if isinstance(error, InvalidRequest):
            message = f"Input validation error: {error.message}"
            return _VALIDATION, {"error": message, "error_type": "validation"}
        message = f"Request failed during generation: {error.message}"
        return _GENERATION, {"error": message, "error_type": "generation"}


class LmiOnVllm:
    """TGI's members as lines, and answers that are objects."""

    stream_type = "application/jsonlines"

    def whole(self, asked: Invocation, made: Sequence[Generation]) -> Json | list[Any]:
        answers = [_answer(asked, index, one) for index, one in enumerate(made)]
        return answers if asked.listed else answers[0]

    async def stream(
        self, asked: Invocation, deltas: AsyncGenerator[Delta, None]
    ) -> AsyncGenerator[bytes, None]:
        async for line in _lines(asked, deltas):
            yield orjson.dumps(line | {"index": 0}) + b"\n"

    def refusal(self, error: PlatformError) -> tuple[int, Json]:
        return _GENERATION, {"error": error.message, "code": _GENERATION}


async def _lines(
    asked: Invocation, deltas: AsyncGenerator[Delta, None]
) -> AsyncGenerator[Json, None]:
    """One for each token; the last has the text and, where asked for, the details.

    It is held back until the stream has ended, for what it took comes after it.
    """
    written, index = Written(), 0
    held: Json | None = None
    async with aclosing(deltas):
        async for delta in deltas:
            written.add(delta)
            for token, text in pieces(delta):
                if held is not None:
                    yield held
                index += 1
                held = _line(index, token, text)
            if written.reason is None and held is not None:
                yield held
                held = None
    yield {**(held or _line(index + 1, _END, "")), **_ending(asked, written)}


_END = Token(text="</s>", logprob=None, id=UNKNOWN_ID)


def _line(index: int, token: Token, text: str) -> Json:
    told = {**_told(token), "text": text}
    return {"index": index, "token": told, "generated_text": None, "details": None}


def _ending(asked: Invocation, written: Written) -> Json:
    details = {
        "finish_reason": written.reason,
        "generated_tokens": written.tokens,
        "seed": asked.seed,
        "input_length": written.input_tokens,
    }
    return {
        "generated_text": asked.start() + written.whole,
        "details": details if asked.details else None,
    }


def _answer(asked: Invocation, index: int, made: Generation) -> Json:
    prefill = [_told(token) for token in made.prompt_tokens or ()] if asked.prefill else []
    return whole_answer(asked, index, made, partial(_details, asked), prefill=prefill)


def _details(asked: Invocation, choice: Choice) -> Json:
    tokens = choice.tokens or []
    return {
        "finish_reason": reason_of(choice.finish_reason),
        "generated_tokens": len(tokens),
        "seed": asked.seed,
        "prefill": [],
        "tokens": [_told(token) for token in tokens],
    }


def _told(token: Token) -> Json:
    id = UNKNOWN_ID if token.id is None else token.id
    return {"id": id, "text": token.text, "logprob": token.logprob, "special": is_special(token)}
