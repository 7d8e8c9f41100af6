"""The largest bodies that are taken hold nobody up: they are read in a moment, whatever is in them.

What is measured is the reader's own time of a processor, so neighbours do not count.
"""

import base64
import time
from typing import Any

import orjson
import pytest

from contracts.generation.hosting import Target
from dialects.bedrock.converse import Converse
from dialects.bedrock.families import text_dialect
from dialects.body import read_body
from dialects.openai.chat import ChatDialect
from dialects.sagemaker.exchange import exchange
from dialects.sagemaker.said import Said

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
