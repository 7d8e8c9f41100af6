"""Answers and streams as an engine gives them, and what the containers make of them."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

import orjson

from contracts.generation.answers import Choice, Delta, Generation, Token, Usage
from contracts.generation.invocations import Form, Target
from dialects.sagemaker.exchange import TextExchange, exchange
from dialects.sagemaker.said import Said

TOKENS = [
    Token(id=304, text="Deep", logprob=-0.5),
    Token(id=11157, text=" Learning", logprob=-1.25),
    Token(id=2, text="</s>", logprob=-0.125),
]

NOTHING_SAID = Said()


def target(form: Form = "lmi", **more: Any) -> Target:
    return Target(model="meta.llama", component="chat", form=form, **more)


def asked(
    form: Form = "lmi", said: Said = NOTHING_SAID, *, stream: bool = False, **body: Any
) -> TextExchange:
    return exchange(target(form), said, orjson.dumps(body), stream=stream)


def made(text: str = "Deep Learning", **more: Any) -> Generation:
    choice = Choice(text=text, finish_reason="stop", tokens=TOKENS)
    whole: dict[str, Any] = {
        "choices": [choice],
        "input_tokens": 4,
        "output_tokens": 3,
        "model": "meta.llama",
    }
    return Generation(**(whole | more))


async def deltas(*, told: bool = True) -> AsyncGenerator[Delta, None]:
    """Three tokens, the last of which is the end mark and adds no text."""
    for token in TOKENS[:2]:
        yield Delta(text=token.text, tokens=[token] if told else None, output_tokens=1)
    end = [TOKENS[2]] if told else None
    yield Delta(tokens=end, finish_reason="stop", output_tokens=1)
    yield Delta(usage=Usage(input_tokens=4, output_tokens=3, model="meta.llama"))


def whole(one: TextExchange, answers: Sequence[Generation] = ()) -> Any:
    return orjson.loads(one.whole(answers or [made()] * len(one.requests)))


async def lines(one: TextExchange, *, told: bool = True) -> list[bytes]:
    return [line async for line in one.stream(deltas(told=told))]
