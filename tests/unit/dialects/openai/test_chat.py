"""OpenAI's chats: what a body means, and what an answer looks like."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from contracts.generation.answers import (
    Alternative,
    Choice,
    Delta,
    Generation,
    Token,
    ToolCallDelta,
    Usage,
)
from contracts.generation.messages import (
    ChatMessage,
    ImagePart,
    JsonFormat,
    NamedTool,
    TextPart,
    Tool,
    ToolCall,
)
from contracts.generation.requests import ChatRequest
from dialects.dialect import Exchange
from dialects.openai.chat import ChatDialect
from kit.errors import InvalidRequest

DIALECT = ChatDialect()
USER = {"role": "user", "content": "hi"}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {
    "type": "function",
    "function": {"name": "weather", "parameters": SCHEMA, "strict": True},
}
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}


def read(**body: Any) -> ChatRequest:
    return DIALECT.read("m", {"model": "m", "messages": [USER], **body})


def test_messages_of_every_role_are_read() -> None:
    messages = [
        {"role": "developer", "content": "be brief"},
        {"role": "user", "content": [{"type": "text", "text": "a"}], "name": "ann"},
        {
            "role": "assistant",
            "content": None,
            "refusal": None,
            "annotations": [],
            "function_call": None,
            "audio": None,
            "tool_calls": [CALL],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
        {"role": "assistant", "content": None, "refusal": "no"},
    ]
    assert read(messages=messages).messages == [
        ChatMessage(role="system", content="be brief"),
        ChatMessage(role="user", content=[TextPart(text="a")]),
        ChatMessage(
            role="assistant", tool_calls=[ToolCall(id="c1", name="weather", arguments="{}")]
        ),
        ChatMessage(role="tool", content="rain", tool_call_id="c1"),
        ChatMessage(role="assistant", content="no"),
    ]


def test_an_image_is_read_from_its_data() -> None:
    url = {"url": "data:image/jpg;base64,aGk=", "detail": "low"}
    message = {"role": "user", "content": [{"type": "image_url", "image_url": url}]}
    asked = read(messages=[message])
    place = "messages.0.content.0.image_url.url"
    assert asked.messages[0].content == [
        ImagePart(media_type="image/jpeg", data="aGk=", place=place)
    ]


def test_tools_and_formats_are_read() -> None:
    choice = {"type": "function", "function": {"name": "weather"}}
    asked = read(tools=[TOOL], tool_choice=choice, parallel_tool_calls=False)
    assert asked.tools == [Tool(name="weather", parameters=SCHEMA, strict=True)]
    assert asked.tool_choice == NamedTool(name="weather")
    assert not asked.parallel_tool_calls
    assert read(response_format={"type": "text"}).format is None
    assert read(response_format={"type": "json_object"}).format == JsonFormat()
    shape = {"type": "json_schema", "json_schema": {"name": "City", "schema": SCHEMA}}
    assert read(response_format=shape).format == JsonFormat(shape=SCHEMA, name="City")


def test_what_is_null_or_harmless_changes_nothing() -> None:
    harmless = {
        "temperature": None, "logit_bias": {}, "logprobs": False, "n": 1, "store": False,
        "metadata": {"a": "b"}, "user": "u", "service_tier": "auto", "top_k": -1,
        "modalities": ["text"], "prompt_cache_key": "k", "tools": None, "stop": None,
    }  # fmt: skip
    assert read(**harmless) == read()


def test_the_newer_limit_goes_before_the_older() -> None:
    assert read(max_tokens=5, max_completion_tokens=7).max_tokens == 7
    assert read(max_tokens=5).max_tokens == 5


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages.0"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"messages": [USER, {"role": "user", "content": 5}]}, "messages.1.content"),
        ({"messages": [{**USER, "colour": "red"}]}, "messages.0.colour"),
        (
            {"messages": [{"role": "user", "content": [{"type": "video"}]}]},
            "messages.0.content.0",
        ),
        (
            {"messages": [{"role": "tool", "tool_call_id": "zz", "content": "x"}]},
            "messages.0.tool_call_id",
        ),
        ({"logit_bias": {"50256": -100}}, "logit_bias"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 30}, "top_logprobs"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"temperature": 3}, "temperature"),
        ({"temperature": "warm"}, "temperature"),
        ({"max_tokens": True}, "max_tokens"),
        ({"n": 0}, "n"),
        ({"seed": 2**70}, "seed"),
        ({"stop": [""]}, "stop.0"),
        ({"store": True}, "store"),
        ({"functions": []}, "functions"),
        ({"tool_choice": "required"}, "tool_choice"),
        (
            {
                "tools": [TOOL],
                "tool_choice": {"type": "function", "function": {"name": "absent"}},
            },
            "tool_choice",
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "a b"}}]},
            "tools.0.function.name",
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "a", "parameters": {"type": 5}}}]},
            "tools.0.function.parameters",
        ),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "a", "schema": {"type": "sandwich"}},
                }
            },
            "response_format.json_schema.schema",
        ),
    ],
)
def test_a_wrong_member_is_named(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        read(**body)
    assert raised.value.param == param
    assert param.rpartition(".")[2] in raised.value.message


def exchange(**body: Any) -> Exchange:
    told = {"model": "mine", "messages": [USER], **body}
    return Exchange("mine", told, DIALECT.read("mine", told))


def test_a_whole_answer_is_openai_s_object() -> None:
    token = Token(text="é", logprob=-0.5, likeliest=[Alternative(text="e", logprob=-1.5)])
    call = ToolCall(id="c1", name="weather", arguments='{"city": "Köln"}')
    made = Generation(
        choices=[
            Choice(text="é", finish_reason="stop_sequence", stop="!", tokens=[token]),
            Choice(text="", finish_reason="tool_calls", tool_calls=[call]),
            Choice(text="I will not.", finish_reason="refusal"),
        ],
        input_tokens=7,
        output_tokens=9,
        cached_tokens=4,
        model="local.tiny",
    )
    told = DIALECT.whole(exchange(), made)
    assert told.pop("id").startswith("chatcmpl-")
    assert isinstance(told.pop("created"), int)
    function = {"name": "weather", "arguments": '{"city": "Köln"}'}
    assert told == {
        "object": "chat.completion",
        "model": "mine",
        "system_fingerprint": None,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "é", "refusal": None},
                "finish_reason": "stop",
                "logprobs": {
                    "content": [
                        {
                            "token": "é",
                            "logprob": -0.5,
                            "bytes": [195, 169],
                            "top_logprobs": [{"token": "e", "logprob": -1.5, "bytes": [101]}],
                        }
                    ],
                    "refusal": None,
                },
            },
            {
                "index": 1,
                "message": {
                    "role": "assistant",
                    "content": None,
                    "refusal": None,
                    "tool_calls": [{"id": "c1", "type": "function", "function": function}],
                },
                "finish_reason": "tool_calls",
                "logprobs": None,
            },
            {
                "index": 2,
                "message": {
                    "role": "assistant",
                    "content": "I will not.",
                    "refusal": "I will not.",
                },
                "finish_reason": "stop",
                "logprobs": None,
            },
        ],
        "usage": {
            "prompt_tokens": 7,
            "completion_tokens": 9,
            "total_tokens": 16,
            "prompt_tokens_details": {"cached_tokens": 4},
        },
    }


async def chunks_of(deltas: list[Delta], **body: Any) -> list[dict[str, Any]]:
    async def come() -> AsyncGenerator[Delta, None]:
        for delta in deltas:
            yield delta

    return [one async for one in DIALECT.parts(exchange(**body), come())]


async def test_chunks_begin_with_a_role_and_end_with_a_reason_and_the_usage() -> None:
    call = ToolCallDelta(index=0, id="c1", name="weather", arguments="")
    chunks = await chunks_of(
        [
            Delta(text="a"),
            Delta(text="b"),
            Delta(index=1, tool_calls=[call]),
            Delta(index=1, tool_calls=[ToolCallDelta(index=0, arguments="{}")]),
            Delta(text="c", finish_reason="length"),
            Delta(index=1, finish_reason="tool_calls"),
            Delta(usage=Usage(input_tokens=1, output_tokens=2, model="local.tiny")),
        ],
        stream=True,
        stream_options={"include_usage": True},
    )
    assert len({one["id"] for one in chunks}) == 1
    assert all(one["object"] == "chat.completion.chunk" for one in chunks)
    told = [
        (choice["index"], choice["delta"], choice["finish_reason"])
        for one in chunks
        for choice in one["choices"]
    ]
    begun = {"role": "assistant", "content": "", "refusal": None}
    first = {"index": 0, "id": "c1", "type": "function"}
    assert told == [
        (0, {**begun, "content": "a"}, None),
        (0, {"content": "b"}, None),
        (
            1,
            {
                **begun,
                "tool_calls": [{**first, "function": {"name": "weather", "arguments": ""}}],
            },
            None,
        ),
        (1, {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}, None),
        (0, {"content": "c"}, None),
        (0, {}, "length"),
        (1, {}, "tool_calls"),
    ]
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["total_tokens"] == 3
    assert chunks[0]["usage"] is None


async def test_the_usage_is_not_told_unasked() -> None:
    last = Delta(
        finish_reason="stop", usage=Usage(input_tokens=1, output_tokens=0, model="local.tiny")
    )
    chunks = await chunks_of([last], stream=True)
    assert [one["choices"][0]["finish_reason"] for one in chunks] == [None, "stop"]
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert "usage" not in chunks[-1]
