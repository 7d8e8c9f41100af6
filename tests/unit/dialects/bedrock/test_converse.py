"""Converse and Nova: blocks that are told apart by their member, tools, and the fields around."""

from typing import Any

import pytest

from contracts.generation.messages import (
    ChatMessage,
    ImagePart,
    JsonFormat,
    NamedTool,
    TextPart,
    Tool,
)
from dialects.bedrock.converse import Converse
from dialects.bedrock.families import text_dialect
from dialects.dialect import Exchange
from kit.errors import InvalidRequest
from tests.unit.dialects.bedrock.payloads import (
    BLOCKS,
    CALL,
    CALLED,
    CLAUDE,
    FAMILIES,
    WEATHER,
    streamed,
)

RAW = b"\x89PNG\r\n"
SPEC = {"toolSpec": {"name": "weather", "description": "Tells.", "inputSchema": {"json": WEATHER}}}


def read(**body: Any) -> Any:
    return Converse().read("m", BLOCKS | body)


def user(*blocks: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(blocks)}]


def test_blocks_of_all_kinds_are_parts_in_order() -> None:
    [said] = read(
        messages=user(
            {"text": "Look:"},
            {"image": {"format": "png", "source": {"bytes": RAW}}},
            {
                "document": {
                    "name": "Notes",
                    "format": "txt",
                    "source": {"bytes": "Schön".encode()},
                }
            },
            {"document": {"name": "More", "source": {"content": [{"text": "a"}, {"text": "b"}]}}},
            {"cachePoint": {"type": "default"}},
        )
    ).messages
    assert said.content[0] == TextPart(text="Look:")
    assert isinstance(said.content[1], ImagePart)
    assert [part.text for part in said.content[2:]] == [
        '<document name="Notes">\nSchön\n</document>',
        '<document name="More">\na\nb\n</document>',
    ]


def test_tools_their_calls_and_results_go_along() -> None:
    asked = read(
        system=[{"text": "Be brief."}, {"cachePoint": {"type": "default"}}],
        toolConfig={"tools": [SPEC], "toolChoice": {"tool": {"name": "weather"}}},
        messages=[
            {"role": "user", "content": [{"text": "Hello"}]},
            {
                "role": "assistant",
                "content": [
                    {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Oslo"}}}
                ],
            },
            *user(
                {"toolResult": {"toolUseId": "t1", "content": [{"json": {"rain": True}}]}},
                {"text": "And?"},
            ),
        ],
    )
    assert asked.tools == [Tool(name="weather", description="Tells.", parameters=WEATHER)]
    held = {"toolSpec": {**SPEC["toolSpec"], "strict": True}}
    assert read(toolConfig={"tools": [held]}).tools[0].strict
    assert asked.tool_choice == NamedTool(name="weather")
    assert [message.role for message in asked.messages] == [
        "system",
        "user",
        "assistant",
        "tool",
        "user",
    ]
    assert asked.messages[2].tool_calls[0].arguments == '{"city":"Oslo"}'
    assert asked.messages[3] == ChatMessage(role="tool", content='{"rain":true}', tool_call_id="t1")


@pytest.mark.parametrize("family", ["converse", "nova"])
def test_system_blocks_are_one_message_as_claudes_are(family: str) -> None:
    system = [{"text": "Be brief."}, {"cachePoint": {"type": "default"}}, {"text": "Be kind."}]
    asked: Any = FAMILIES[family].dialect.read(FAMILIES[family].model, BLOCKS | {"system": system})
    assert [message.role for message in asked.messages] == ["system", "user"]
    assert asked.messages[0].content == "Be brief.\nBe kind."
    claude = CLAUDE | {"system": [{"type": "text", **one} for one in system if "text" in one]}
    assert FAMILIES["claude"].dialect.read("m", claude).messages == asked.messages


def calls(*ids: str) -> dict[str, Any]:
    used = [{"toolUse": {"toolUseId": id, "name": "weather", "input": {}}} for id in ids]
    return {"role": "assistant", "content": used}


def results(*ids: str) -> dict[str, Any]:
    given = [{"toolResult": {"toolUseId": id, "content": [{"text": "Rain"}]}} for id in ids]
    return {"role": "user", "content": given}


def test_results_answer_calls_of_any_turn_before() -> None:
    asked = read(messages=[calls("a", "b"), results("b"), results("a")])
    assert [message.tool_call_id for message in asked.messages[1:]] == ["b", "a"]


@pytest.mark.parametrize(
    ("messages", "place"),
    [
        ([calls("a"), results("a", "b")], "messages.1.content"),
        ([results("b"), calls("b")], "messages.0.content"),
    ],
    ids=["nobody", "later"],
)
def test_a_result_of_what_nobody_has_called_is_refused(messages: Any, place: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        read(messages=messages)
    assert raised.value.param == place
    assert raised.value.message == (
        f"The number of toolResult blocks at {place} exceeds the number of toolUse blocks of "
        "previous turn. No toolUse before it has the toolUseId 'b'."
    )


def test_sampling_and_what_goes_beyond_it() -> None:
    asked = read(
        inferenceConfig={"maxTokens": 5, "temperature": 0.0, "topP": 1.0, "stopSequences": ["END"]},
        additionalModelRequestFields={"top_k": 9, "seed": 3, "repetition_penalty": 1.1},
        requestMetadata={"team": "a"},
    )
    assert (asked.max_tokens, asked.temperature, asked.top_p) == (5, 0.0, 1.0)
    assert (asked.stop, asked.top_k, asked.seed, asked.repetition_penalty) == (["END"], 9, 3, 1.1)
    nova = {"inferenceConfig": {"topK": 4}}
    assert read(additionalModelRequestFields=nova).top_k == 4


def test_an_answer_can_be_held_to_a_schema() -> None:
    form = {
        "type": "json_schema",
        "structure": {"jsonSchema": {"schema": '{"type": "object"}', "name": "it"}},
    }
    assert read(outputConfig={"textFormat": form}).format == JsonFormat(
        shape={"type": "object"}, name="it"
    )


def test_an_answer_tells_its_stop_its_usage_and_the_fields_asked_for() -> None:
    body = BLOCKS | {
        "additionalModelResponseFieldPaths": ["/stop_sequence"],
        "performanceConfig": {"latency": "standard"},
    }
    answer = Converse().whole(Exchange("m", body, Converse().read("m", body)), CALLED)
    assert answer.pop("metrics")["latencyMs"] >= 0
    assert answer == {
        "output": {
            "message": {
                "role": "assistant",
                "content": [
                    {"text": "Let me look."},
                    {
                        "toolUse": {
                            "toolUseId": "call-1",
                            "name": "weather",
                            "input": {"city": "Oslo"},
                        }
                    },
                ],
            }
        },
        "stopReason": "tool_use",
        "usage": {"inputTokens": 7, "outputTokens": 9, "totalTokens": 16},
        "additionalModelResponseFields": {"stop_sequence": None},
        "performanceConfig": {"latency": "standard"},
    }


async def test_a_stream_has_its_events_in_order() -> None:
    events = await FAMILIES["converse"].chunks(streamed(CALLED))
    assert events[0] == {"messageStart": {"role": "assistant"}}
    assert [name for event in events for name in event if "Delta" not in name] == [
        "messageStart",
        "contentBlockStop",
        "contentBlockStart",
        "contentBlockStop",
        "messageStop",
        "metadata",
    ]
    start = next(event for event in events if "contentBlockStart" in event)["contentBlockStart"]
    assert start == {
        "start": {"toolUse": {"toolUseId": "call-1", "name": "weather"}},
        "contentBlockIndex": 1,
    }
    deltas = [
        event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event
    ]
    written = "".join(delta["toolUse"]["input"] for delta in deltas if "toolUse" in delta)
    assert written == CALL.arguments
    assert events[-2] == {"messageStop": {"stopReason": "tool_use"}}


@pytest.mark.parametrize(
    "names", [("max_new_tokens", "top_p", "top_k"), ("maxTokens", "topP", "topK")]
)
def test_nova_reads_both_ways_in_which_its_sampling_is_written(names: tuple[str, ...]) -> None:
    limit, nucleus, likeliest = names
    config = {limit: 5, nucleus: 0.5, likeliest: 9, "temperature": 0.1, "stopSequences": ["END"]}
    body = BLOCKS | {"schemaVersion": "messages-v1", "inferenceConfig": config}
    asked = text_dialect("amazon.nova-lite-v1:0").read("m", body)
    assert (asked.max_tokens, asked.top_p, asked.top_k, asked.stop) == (5, 0.5, 9, ["END"])


def test_novas_images_are_base64() -> None:
    image = {"image": {"format": "png", "source": {"bytes": "iVBORw=="}}}
    asked: Any = text_dialect("amazon.nova-lite-v1:0").read("m", {"messages": user(image)})
    place = "messages.0.content.0.image.source.bytes"
    assert asked.messages[0].content == [
        ImagePart(media_type="image/png", data="iVBORw==", place=place)
    ]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "messages"),
        ({"promptVariables": {"a": {"text": "b"}}}, "promptVariables"),
        ({"guardrailConfig": {"guardrailIdentifier": "g"}}, "guardrailConfig"),
        ({"performanceConfig": {"latency": "optimized"}}, "performanceConfig.latency"),
        ({"serviceTier": {"type": "flex"}}, "serviceTier.type"),
        (
            {"additionalModelRequestFields": {"thinking": {}}},
            "additionalModelRequestFields.thinking",
        ),
        ({"additionalModelRequestFields": {"top_k": "a"}}, "additionalModelRequestFields.top_k"),
        ({"additionalModelResponseFieldPaths": ["x"]}, "additionalModelResponseFieldPaths"),
        ({"messages": user({"video": {"format": "mp4"}})}, "messages.0.content.0.video"),
        ({"messages": user({"text": "a", "image": {}})}, "messages.0.content.0.*"),
        (
            {
                "messages": user(
                    {"image": {"format": "png", "source": {"s3Location": {"uri": "s"}}}}
                )
            },
            "messages.0.content.0.image.source.s3Location",
        ),
        (
            {
                "messages": user(
                    {"document": {"name": "a", "format": "pdf", "source": {"bytes": b"a"}}}
                )
            },
            "messages.0.content.0.document.format",
        ),
        (
            {"messages": user({"toolUse": {"toolUseId": "t", "name": "n", "input": {}}})},
            "messages.0.content",
        ),
        (
            {"toolConfig": {"tools": [SPEC], "toolChoice": {"tool": {"name": "news"}}}},
            "toolConfig.toolChoice.tool.name",
        ),
        (
            {
                "toolConfig": {
                    "tools": [{"toolSpec": {"name": "a", "inputSchema": {"json": {"type": 3}}}}]
                }
            },
            "toolConfig.tools.0.toolSpec.inputSchema.json",
        ),
        (
            {"toolConfig": {"tools": [{"systemTool": {"name": "nova_grounding"}}]}},
            "toolConfig.tools.0.systemTool",
        ),
    ],
)
def test_what_is_wrong_is_named(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        read(**body)
    assert raised.value.param == param
