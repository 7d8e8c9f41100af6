"""The largest bodies that are taken hold nobody up: they are read in a moment, whatever is in them.

What is measured is the reader's own time of a processor, so neighbours do not count.
"""

import base64
import time
from contextlib import suppress
from typing import Any

import orjson
import pytest

from contracts.generation.invocations import Target
from dialects.bedrock.converse import Converse
from dialects.bedrock.families import text_dialect
from dialects.body import read_body
from dialects.openai.chat import ChatDialect
from dialects.openai.completions import CompletionDialect
from dialects.openai.embeddings import EmbeddingsDialect
from dialects.sagemaker.exchange import exchange
from dialects.sagemaker.said import Said
from kit.errors import InvalidRequest

MOST_SECONDS = 2.5
"""Several times what the slowest takes on a slow core; what grew with the square of its size took
minutes."""
IMAGE = base64.b64encode(b"\x89PNG" + b"\0" * 20_000_000).decode()
SAID = {"role": "user", "content": "a" * 10_000}
DEEP: dict[str, Any] = {"type": "object", "properties": {}}
for _ in range(25):
    DEEP = {"type": "object", "properties": {"a": DEEP, "b": {"type": "string"}}}
WIDE = {
    "type": "object",
    "properties": {f"p{i}": {"$ref": f"#/$defs/d{i}"} for i in range(900)},
    "$defs": {f"d{i}": {"type": "string"} for i in range(900)},
    "required": [f"p{i}" for i in range(900)],
}
CHATS: dict[str, dict[str, Any]] = {
    "messages": {"messages": [SAID] * 2000},
    "calls": {
        "messages": [
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": f"{m}-{n}", "function": {"name": "f", "arguments": "{}"}}
                    for n in range(60)
                ],
            }
            for m in range(100)
        ]
        + [{"role": "tool", "content": "a", "tool_call_id": f"{m}-0"} for m in range(100)]
    },
    "image": {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{IMAGE}"}}
                ],
            }
        ]
    },
    "tools": {
        "messages": [SAID],
        "tools": [
            {"type": "function", "function": {"name": f"t{i}", "parameters": DEEP}}
            for i in range(100)
        ],
    },
    "schema": {
        "messages": [SAID],
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": WIDE}},
    },
}


NUMBERS, NULLS = [0] * 990_000, [None] * 990_000
CHAT, COMPLETION, EMBEDDINGS = ChatDialect(), CompletionDialect(), EmbeddingsDialect()
HI = [{"role": "user", "content": "hi"}]
UNKNOWN = {f"k{number}": 0 for number in range(90_000)}
CALL = {"toolUse": {"toolUseId": "a", "name": "f", "input": {"a": NUMBERS}}}
CROWDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "content of numbers": (CHAT, {"messages": [{"role": "user", "content": NUMBERS}]}),
    "content of nulls": (CHAT, {"messages": [{"role": "user", "content": NULLS}]}),
    "messages of nulls": (CHAT, {"messages": NULLS}),
    "annotations": (
        CHAT,
        {"messages": [{"role": "assistant", "content": "a", "annotations": NULLS}]},
    ),
    "unknown members": (CHAT, {"messages": HI, **UNKNOWN}),
    "unknown members within": (
        CHAT,
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "a", **UNKNOWN}]}]},
    ),
    "metadata": (CHAT, {"messages": HI, "metadata": UNKNOWN}),
    "an unknown list": (CHAT, {"messages": HI, "other": NUMBERS}),
    "stops": (CHAT, {"messages": HI, "stop": NUMBERS}),
    "biases": (CHAT, {"messages": HI, "logit_bias": dict.fromkeys(UNKNOWN)}),
    "a prompt of ids": (COMPLETION, {"prompt": NUMBERS}),
    "a prompt that is wrong at once": (COMPLETION, {"prompt": [-1] * 990_000}),
    "a prompt that is wrong at its end": (COMPLETION, {"prompt": [*NUMBERS, None]}),
    "a prompt of nulls": (COMPLETION, {"prompt": NULLS}),
    "inputs of ids": (EMBEDDINGS, {"input": [[1] * 8192] * 120}),
    "inputs of nulls": (EMBEDDINGS, {"input": NULLS}),
    "blocks of numbers": (Converse(), {"messages": [{"role": "user", "content": NUMBERS}]}),
    "a call with numbers": (Converse(), {"messages": [{"role": "assistant", "content": [CALL]}]}),
}


@pytest.mark.parametrize("kind", CROWDS)
def test_a_million_numbers_or_nulls_are_read_in_a_moment(kind: str) -> None:
    """A third of a second on a quiet core; where each was an error of its own, it took many."""
    dialect, body = CROWDS[kind]
    raw = orjson.dumps(body)

    def read(body: Any) -> None:
        with suppress(InvalidRequest):
            dialect.read("m", body)

    assert seconds(read, raw) < 1


def seconds(read: Any, raw: bytes) -> float:
    began = time.process_time()
    read(read_body(raw))
    return time.process_time() - began


@pytest.mark.parametrize("kind", CHATS)
def test_a_large_chat_is_read_in_a_moment(kind: str) -> None:
    raw = orjson.dumps({"model": "m", **CHATS[kind]})
    assert seconds(lambda body: ChatDialect().read("m", body), raw) < MOST_SECONDS


def test_large_messages_of_blocks_are_read_in_a_moment() -> None:
    blocks = [{"type": "text", "text": "a" * 100}] * 11
    body = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": blocks}] * 1500,
    }
    name = "anthropic.claude-3-haiku-20240307-v1:0"
    raw = orjson.dumps(body)
    assert seconds(lambda body: text_dialect(name).read(name, body), raw) < MOST_SECONDS
    plain = orjson.dumps({"messages": [{"role": "user", "content": [{"text": "a"}] * 11}] * 1500})
    assert seconds(lambda body: Converse().read("m", body), plain) < MOST_SECONDS


def test_many_inputs_of_an_endpoint_are_read_in_a_moment() -> None:
    dialogue = [{"role": "user", "content": "a" * 100}] * 150
    raw = orjson.dumps({"inputs": [dialogue] * 128})
    began = time.process_time()
    exchange(Target(model="m"), Said(), raw)
    assert time.process_time() - began < MOST_SECONDS
