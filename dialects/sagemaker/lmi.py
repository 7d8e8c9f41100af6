"""The form of AWS's LMI containers: an object, and a stream of lines with `log_prob`."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
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
from kit.errors import PlatformError

_FAILED = 424


class Lmi:
    """`sse` puts each line into an event, as `option.output_formatter=sse` does."""

    def __init__(self, *, sse: bool = False) -> None:
        self.stream_type = "text/event-stream" if sse else "application/jsonlines"
        self._before, self._after = (b"data: ", b"\n\n") if sse else (b"", b"\n")

    def whole(self, asked: Invocation, made: Sequence[Generation]) -> Json | list[Any]:
        answers = [_answer(asked, index, one) for index, one in enumerate(made)]
        return answers if asked.listed else answers[0]

    async def stream(
        self, asked: Invocation, deltas: AsyncGenerator[Delta, None]
    ) -> AsyncGenerator[bytes, None]:
        """A line for each token, then one of its own with the text, whose token has none.

        Clients tell the last line by that: with `details` the token's text is null.
        """
        written = Written()
        async with aclosing(deltas):
            async for delta in deltas:
                written.add(delta)
                for token, text in pieces(delta):
                    yield self._line({"token": _token(token, text)})
        yield self._line(_last(asked, written))

    def refusal(self, error: PlatformError) -> tuple[int, Json]:
        return _FAILED, {"error": error.message, "code": _FAILED}

    def _line(self, line: Json) -> bytes:
        return self._before + orjson.dumps(line) + self._after


def _answer(asked: Invocation, index: int, made: Generation) -> Json:
    more: Json = {"inputs": asked.inputs[index]}
    if asked.prefill:
        more["prefill"] = [_told(token) for token in made.prompt_tokens or ()]
    return whole_answer(asked, index, made, _details, **more)


def _details(choice: Choice) -> Json:
    tokens = choice.tokens or []
    return {
        "finish_reason": reason_of(choice.finish_reason),
        "generated_tokens": len(tokens),
        "tokens": [_told(token) for token in tokens],
    }


def _last(asked: Invocation, written: Written) -> Json:
    text = None if asked.details else ""
    line: Json = {
        "token": {"id": UNKNOWN_ID, "text": text, "log_prob": None},
        "generated_text": asked.start() + written.whole,
    }
    if asked.details:
        line["details"] = {
            "finish_reason": written.reason,
            "generated_tokens": written.tokens,
            "inputs": asked.inputs[0],
        }
    return line


def _told(token: Token) -> Json:
    return _token(token, token.text)


def _token(token: Token, text: str) -> Json:
    id = UNKNOWN_ID if token.id is None else token.id
    told: Json = {"id": id, "text": text, "log_prob": token.logprob}
    return {**told, "special_token": True} if is_special(token) else told
