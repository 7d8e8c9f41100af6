"""Claude Messages and the other families of messages: requests, tools, images and answers."""

import base64
from typing import Any

import pytest

from contracts.generation.answers import Choice, Generation
from contracts.generation.messages import (
    ChatMessage,
    ImagePart,
    NamedTool,
    TextPart,
    Tool,
    ToolCall,
)
from dialects.bedrock.families import text_dialect
from dialects.bedrock.progress import METRICS
from kit.errors import InvalidRequest, UpstreamFailed
from tests.unit.dialects.bedrock.payloads import (
    CALL,
    CALLED,
    CLAUDE,
    FAMILIES,
    TEXT,
    USER,
    WEATHER,
    streamed,
)

NAME = FAMILIES["claude"].model
PNG = base64.b64encode(b"\x89PNG\r\n").decode()
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
OFFERED = {"name": "weather", "description": "Tells.", "input_schema": WEATHER}
TOOL = Tool(name="weather", description="Tells.", parameters=WEATHER)


def read(**body: Any) -> Any:
    return text_dialect(NAME).read(NAME, CLAUDE | body)


def user(*blocks: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(blocks)}]


def test_system_text_comes_first() -> None:
    system = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    assert read(system=system).messages == read(system="Be brief.").messages
    assert read(system="Be brief.").messages == [
        ChatMessage(role="system", content="Be brief."),
        ChatMessage(role="user", content="Hello"),
    ]


def test_sampling_goes_along() -> None:
    asked = read(temperature=0.5, top_p=0.9, top_k=7, stop_sequences=["END"])
    assert (asked.max_tokens, asked.temperature, asked.top_p, asked.top_k, asked.stop) == (
        9,
        0.5,
        0.9,
        7,
        ["END"],
    )


def test_images_and_documents_of_text_are_parts() -> None:
    document = {
        "type": "document",
        "title": "Notes",
        "source": {"type": "text", "media_type": "text/plain", "data": "It rains."},
    }
    [said] = read(messages=user(IMAGE, document, {"type": "text", "text": "What?"})).messages
    assert said.content == [
        ImagePart(media_type="image/png", data=PNG, place="messages.0.content.0.source.data"),
        TextPart(text="<document>\nNotes\nIt rains.\n</document>"),
        TextPart(text="What?"),
    ]


def test_tools_their_calls_and_results_go_along() -> None:
    asked = read(
        tools=[OFFERED],
        tool_choice={"type": "tool", "name": "weather", "disable_parallel_tool_use": True},
        messages=[
            *USER,
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": "Let me look."},
                    {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Oslo"}},
                ],
            },
            *user(
                {"type": "tool_result", "tool_use_id": "t1", "content": "Rain", "is_error": False},
                {"type": "text", "text": "And?"},
            ),
        ],
    )
    assert asked.tools == [TOOL]
    assert (asked.tool_choice, asked.parallel_tool_calls) == (NamedTool(name="weather"), False)
    call = ToolCall(id="t1", name="weather", arguments='{"city":"Oslo"}')
    assert asked.messages[1:] == [
        ChatMessage(role="assistant", content="Let me look.", tool_calls=[call]),
        ChatMessage(role="tool", content="Rain", tool_call_id="t1"),
        ChatMessage(role="user", content="And?"),
    ]


@pytest.mark.parametrize(
    ("given", "meant"), [("auto", "auto"), ("any", "required"), ("none", "none")]
)
def test_choices_of_tools_are_told_in_our_words(given: str, meant: str) -> None:
    assert read(tools=[OFFERED], tool_choice={"type": given}).tool_choice == meant


@pytest.mark.parametrize("name", ["claude", "nova", "converse", "claude-text"])
def test_a_last_word_of_the_assistant_begins_the_answer(name: str) -> None:
    family = FAMILIES[name]
    assert not family.exchange().request.model_dump()["continues"]
    said = "{" if name == "claude" else [{"text": "{"}]
    turn = {"role": "assistant", "content": said}
    body = family.body | {"messages": [*family.body.get("messages", []), turn]}
    if name == "claude-text":
        body = {"prompt": family.body["prompt"] + " {"}
    begun: Any = family.dialect.read(family.model, body)
    assert begun.continues
    assert begun.messages[-1] == ChatMessage(role="assistant", content="{")


def test_a_failed_tool_says_so() -> None:
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "gone", "is_error": True}
    assert read(messages=user(result)).messages[0].text == "Error:\ngone"


def test_an_answer_has_blocks_of_text_and_tools() -> None:
    answer = FAMILIES["claude"].whole(CALLED)
    assert answer.pop("id").startswith("msg_bdrk_")
    assert answer == {
        "type": "message",
        "role": "assistant",
        "model": NAME,
        "content": [
            {"type": "text", "text": "Let me look."},
            {"type": "tool_use", "id": "call-1", "name": "weather", "input": {"city": "Oslo"}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": 7, "output_tokens": 9},
    }


async def test_a_stream_has_the_events_of_messages() -> None:
    events = await FAMILIES["claude"].chunks(streamed(CALLED))
    kinds = [event["type"] for event in events]
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    blocks = [one for one in events if one["type"].startswith("content_block_st")]
    assert blocks == [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "content_block_start",
            "index": 1,
            "content_block": {"type": "tool_use", "id": "call-1", "name": "weather", "input": {}},
        },
        {"type": "content_block_stop", "index": 1},
    ]
    written = "".join(one["delta"].get("partial_json", "") for one in events if "delta" in one)
    assert written == CALL.arguments
    assert events[-2] == {
        "type": "message_delta",
        "delta": {"stop_reason": "tool_use", "stop_sequence": None},
        "usage": {"output_tokens": 9},
    }
    assert events[-1][METRICS]["inputTokenCount"] == 7


@pytest.mark.parametrize("name", ["claude", "nova", "converse", "command-r"])
def test_a_call_that_is_no_json_is_the_models_failure(name: str) -> None:
    bad = CALL.model_copy(update={"arguments": '{"city": '})
    choice = Choice(text="", finish_reason="tool_calls", tool_calls=[bad])
    made = Generation(choices=[choice], input_tokens=1, output_tokens=1, model="m")
    with pytest.raises(UpstreamFailed, match="weather"):
        FAMILIES[name].whole(made)


def test_a_call_that_had_to_be_made_ends_in_tool_use() -> None:
    choice = Choice(text="", finish_reason="stop", tool_calls=[CALL])
    made = Generation(choices=[choice], input_tokens=1, output_tokens=1, model="m")
    assert FAMILIES["claude"].whole(made)["stop_reason"] == "tool_use"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"anthropic_version": "2"}, "anthropic_version"),
        ({"max_tokens": None}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "system", "content": "a"}]}, "messages.0.role"),
        ({"messages": user({"type": "video"})}, "messages.0.content.0.type"),
        (
            {"messages": user(IMAGE | {"source": {"type": "url"}})},
            "messages.0.content.0.source.type",
        ),
        ({"messages": [{"role": "user", "content": 3}]}, "messages.0.content"),
        ({"thinking": {"type": "enabled", "budget_tokens": 9}}, "thinking.type"),
        ({"anthropic_beta": ["computer-use"]}, "anthropic_beta"),
        ({"stream": True}, "stream"),
        ({"tools": [{"name": "a b", "input_schema": {}}]}, "tools.0.name"),
        ({"tools": [{"name": "a", "input_schema": {"type": 3}}]}, "tools.0.input_schema"),
        ({"tools": [{"type": "bash_20241022", "name": "bash"}]}, "tools.0.type"),
        ({"tool_choice": {"type": "any"}}, "tool_choice"),
        (
            {"tools": [OFFERED], "tool_choice": {"type": "tool", "name": "news"}},
            "tool_choice.name",
        ),
    ],
)
def test_what_is_wrong_is_named(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        read(**body)
    assert raised.value.param == param


def test_mistral_speaks_of_tools_as_openai_does() -> None:
    name = FAMILIES["mistral-chat"].model
    function = {"name": "weather", "description": "Tells.", "parameters": WEATHER}
    asked: Any = text_dialect(name).read(
        name,
        {
            "messages": [
                {"role": "system", "content": "Be brief."},
                *USER,
                {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [
                        {"id": "t1", "function": {"name": "weather", "arguments": "{}"}}
                    ],
                },
                {"role": "tool", "tool_call_id": "t1", "content": "Rain"},
            ],
            "tools": [{"type": "function", "function": function}],
            "tool_choice": "any",
        },
    )
    assert [message.role for message in asked.messages] == ["system", "user", "assistant", "tool"]
    assert (asked.tools, asked.tool_choice, asked.max_tokens) == ([TOOL], "required", 8192)
    [choice] = FAMILIES["mistral-chat"].whole(CALLED)["choices"]
    assert choice == {
        "index": 0,
        "message": {
            "role": "assistant",
            "content": "Let me look.",
            "tool_calls": [
                {"id": "call-1", "function": {"name": "weather", "arguments": CALL.arguments}}
            ],
        },
        "stop_reason": "tool_calls",
    }


async def test_mistrals_calls_come_whole_with_the_last_chunk() -> None:
    last = (await FAMILIES["mistral-chat"].chunks(streamed(CALLED)))[-1]
    [call] = last["choices"][0]["message"]["tool_calls"]
    assert call["function"] == {"name": "weather", "arguments": CALL.arguments}
    assert last["choices"][0]["stop_reason"] == "tool_calls"


def test_a_model_of_our_own_answers_as_openai_does() -> None:
    answer = FAMILIES["own"].whole(TEXT)
    assert (answer["object"], answer["model"]) == ("chat.completion", "my-adapter")
    assert answer["usage"]["total_tokens"] == 16


async def test_claudes_stream_ends_with_the_counts_of_the_whole_answer() -> None:
    """As Anthropic's clients add them up: a later event's counts go before earlier ones."""
    *parts, last = streamed(TEXT)
    assert last.usage is not None
    usage = last.usage.model_copy(update={"cached_tokens": 4})
    first = parts[0].model_copy(update={"input_tokens": 7})
    events = await FAMILIES["claude"].chunks(
        [first, *parts[1:], last.model_copy(update={"usage": usage})]
    )
    told = dict(events[0]["message"]["usage"])
    assert told["input_tokens"] == 7
    for event in events[1:]:
        told |= event.get("usage", {})
    whole = FAMILIES["claude"].whole(TEXT.model_copy(update={"cached_tokens": 4}))
    assert told == whole["usage"]
    assert told["cache_read_input_tokens"] == 4
