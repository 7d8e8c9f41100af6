"""Cohere Command R: history, documents, tools and the events of its stream."""

from typing import Any

import pytest

from contracts.generation.messages import ChatMessage, ToolCall
from dialects.bedrock.families import text_dialect
from dialects.bedrock.progress import METRICS
from kit.errors import InvalidRequest
from tests.unit.dialects.bedrock.payloads import CALLED, FAMILIES, TEXT, streamed

NAME = FAMILIES["command-r"].model
TOOL = {
    "name": "weather",
    "description": "Tells.",
    "parameter_definitions": {"city": {"description": "Which.", "type": "str", "required": True}},
}


def read(**body: Any) -> Any:
    return text_dialect(NAME).read(NAME, {"message": "Hello"} | body)


def test_the_history_comes_between_the_preamble_and_the_message() -> None:
    history = [{"role": "USER", "message": "Hi"}, {"role": "CHATBOT", "message": "Ho"}]
    asked = read(preamble="Be brief.", chat_history=history)
    assert [(one.role, one.content) for one in asked.messages] == [
        ("system", "Be brief."),
        ("user", "Hi"),
        ("assistant", "Ho"),
        ("user", "Hello"),
    ]


def test_documents_go_to_models_as_text_and_to_quoting_engines_as_passages() -> None:
    asked = read(documents=[{"title": "Sky", "snippet": "It rains."}, {"rain": "7 mm"}])
    assert asked.passages == ["Sky\nIt rains.", '{"rain":"7 mm"}']
    assert asked.question == "Hello"
    assert "<document>\nSky\nIt rains.\n</document>" in asked.messages[0].text


def test_tools_and_what_they_answered_go_along() -> None:
    result = {
        "call": {"name": "weather", "parameters": {"city": "Oslo"}},
        "outputs": [{"rain": "7 mm"}],
    }
    asked = read(tools=[TOOL], tool_results=[result])
    assert asked.tools[0].parameters == {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "Which."}},
        "required": ["city"],
    }
    call = ToolCall(id="call_0", name="weather", arguments='{"city":"Oslo"}')
    assert asked.messages[1:] == [
        ChatMessage(role="assistant", tool_calls=[call]),
        ChatMessage(role="tool", content='[{"rain":"7 mm"}]', tool_call_id="call_0"),
    ]


def test_an_answer_has_the_history_and_the_calls() -> None:
    answer = FAMILIES["command-r"].whole(CALLED)
    assert answer["chat_history"] == [
        {"role": "USER", "message": "Hello"},
        {"role": "CHATBOT", "message": "Let me look."},
    ]
    assert answer["tool_calls"] == [{"name": "weather", "parameters": {"city": "Oslo"}}]
    assert answer["finish_reason"] == "COMPLETE"


async def test_a_stream_begins_and_ends_with_events_of_its_own() -> None:
    events = await FAMILIES["command-r"].chunks(streamed(CALLED))
    kinds = [event["event_type"] for event in events]
    assert kinds[0] == "stream-start"
    assert kinds[-2:] == ["tool-calls-generation", "stream-end"]
    assert set(kinds[1:-2]) == {"text-generation"}
    assert [event["is_finished"] for event in events] == [False] * (len(events) - 1) + [True]
    end = events[-1]
    assert end["response"]["text"] == "Let me look."
    assert end["response"]["tool_calls"] == events[-2]["tool_calls"]
    assert METRICS in end


async def test_the_end_of_a_stream_has_the_whole_answer() -> None:
    end = (await FAMILIES["command-r"].chunks(streamed(TEXT)))[-1]
    assert end["response"]["text"] == TEXT.text


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"message": ""}, "message"),
        ({"chat_history": [{"role": "user", "message": "a"}]}, "chat_history.0.role"),
        ({"search_queries_only": True}, "search_queries_only"),
        ({"prompt_truncation": "AUTO_PRESERVE_ORDER"}, "prompt_truncation"),
        ({"documents": ["a"]}, "documents.0"),
        ({"tools": [TOOL | {"name": "a b"}]}, "tools.0.name"),
        (
            {"tools": [TOOL | {"parameter_definitions": {"a": {"type": "odd"}}}]},
            "tools.0.parameter_definitions",
        ),
        ({"tool_results": [{"call": {"name": "a"}}]}, "tool_results.0.call.parameters"),
    ],
)
def test_what_is_wrong_is_named(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        read(**body)
    assert raised.value.param == param


async def test_a_stream_is_one_generation_from_its_start_to_its_end() -> None:
    first, *_, last = await FAMILIES["command-r"].chunks(streamed(TEXT))
    assert first["generation_id"] == last["response"]["generation_id"]
