"""Converse, ConverseStream and CountTokens through boto3."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.openai_double import CALL, SAID
from tests.support.platform import Platform
from tests.unit.dialects.bedrock.payloads import WEATHER
from tests.wire.bedrock_models import HAIKU, Scripted, message_of, scripted_platform

SPEC = {"toolSpec": {"name": "weather", "description": "Tells.", "inputSchema": {"json": WEATHER}}}
ASKED = [{"role": "user", "content": [{"text": "How many words are these?"}]}]


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scripted]:
    with scripted_platform(tmp_path_factory.mktemp("scripted")) as running:
        yield running


def test_a_conversation_is_answered(scripted: Scripted) -> None:
    answer = scripted.converse(
        "Hi",
        system=[{"text": "Be brief."}],
        inferenceConfig={"maxTokens": 5, "temperature": 0.0, "topP": 0.5, "stopSequences": ["END"]},
        additionalModelRequestFields={"top_k": 3},
        performanceConfig={"latency": "standard"},
        requestMetadata={"team": "a"},
    )
    assert answer["output"]["message"] == {"role": "assistant", "content": [{"text": SAID}]}
    assert answer["stopReason"] == "end_turn"
    assert answer["usage"] == {"inputTokens": 7, "outputTokens": 9, "totalTokens": 16}
    assert answer["metrics"]["latencyMs"] >= 0
    assert answer["performanceConfig"] == {"latency": "standard"}
    sent = scripted.double.seen[-1]
    assert sent["messages"][0] == {"role": "system", "content": "Be brief."}
    assert (sent["max_tokens"], sent["top_p"], sent["top_k"]) == (5, 0.5, 3)


def test_tools_are_called_and_their_results_read(scripted: Scripted) -> None:
    config = {"tools": [SPEC], "toolChoice": {"tool": {"name": "weather"}}}
    answer = scripted.converse("[[calls]]", toolConfig=config)
    assert answer["stopReason"] == "tool_use"
    message = answer["output"]["message"]
    used = {"toolUseId": CALL["id"], "name": "weather", "input": {"city": "Oslo"}}
    assert message["content"] == [{"text": "Let me look."}, {"toolUse": used}]
    result = {"toolUseId": CALL["id"], "content": [{"json": {"rain": 7}}], "status": "success"}
    scripted.runtime.converse(
        modelId=HAIKU,
        messages=[*ASKED, message, {"role": "user", "content": [{"toolResult": result}]}],
        toolConfig=config,
    )
    sent = scripted.double.seen[-1]["messages"]
    assert sent[1]["tool_calls"][0]["function"]["name"] == "weather"
    assert sent[2] == {"role": "tool", "content": '{"rain":7}', "tool_call_id": CALL["id"]}


def test_images_and_documents_are_sent(scripted: Scripted) -> None:
    scripted.runtime.converse(
        modelId=HAIKU,
        messages=[
            {
                "role": "user",
                "content": [
                    {"image": {"format": "png", "source": {"bytes": b"\x89PNG\r\n\x1a\n"}}},
                    {
                        "document": {
                            "name": "Notes",
                            "format": "txt",
                            "source": {"bytes": "Schön".encode()},
                        }
                    },
                    {"text": "What?"},
                ],
            }
        ],
    )
    image, document, _ = scripted.double.seen[-1]["messages"][0]["content"]
    assert image["image_url"]["url"] == "data:image/png;base64,iVBORw0KGgo="
    assert "Schön" in document["text"]


def test_an_answer_can_be_held_to_a_schema(scripted: Scripted) -> None:
    schema = {"type": "json_schema", "structure": {"jsonSchema": {"schema": '{"type":"object"}'}}}
    scripted.converse("Hi", outputConfig={"textFormat": schema})
    sent = scripted.double.seen[-1]["response_format"]
    assert sent["json_schema"]["schema"] == {"type": "object"}


def test_the_stop_sequence_is_told_where_it_is_asked_for(scripted: Scripted) -> None:
    paths = ["/stop_sequence"]
    answer = scripted.converse("[[stops]]", additionalModelResponseFieldPaths=paths)
    assert answer["stopReason"] == "stop_sequence"
    assert answer["additionalModelResponseFields"] == {"stop_sequence": "END"}


def test_a_stream_has_its_events_in_order(scripted: Scripted) -> None:
    events = list(scripted.converse_stream("Hi"))
    names = [next(iter(event)) for event in events]
    assert names[0] == "messageStart"
    assert set(names[1:-3]) == {"contentBlockDelta"}
    assert names[-3:] == ["contentBlockStop", "messageStop", "metadata"]
    text = [event["contentBlockDelta"]["delta"]["text"] for event in events[1:-3]]
    assert "".join(text) == SAID
    assert len(text) > 2
    assert events[-1]["metadata"]["usage"]["totalTokens"] == 16
    assert events[-1]["metadata"]["metrics"]["latencyMs"] >= 0


def test_a_tools_input_is_streamed(scripted: Scripted) -> None:
    events = list(scripted.converse_stream("[[calls]]", toolConfig={"tools": [SPEC]}))
    [start] = [event["contentBlockStart"] for event in events if "contentBlockStart" in event]
    assert start == {
        "start": {"toolUse": {"toolUseId": CALL["id"], "name": "weather"}},
        "contentBlockIndex": 1,
    }
    deltas = [e["contentBlockDelta"]["delta"] for e in events if "contentBlockDelta" in e]
    written = [delta["toolUse"]["input"] for delta in deltas if "toolUse" in delta]
    assert "".join(written) == CALL["arguments"]
    assert events[-2]["messageStop"]["stopReason"] == "tool_use"


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"promptVariables": {"a": {"text": "b"}}}, "promptVariables"),
        (
            {"guardrailConfig": {"guardrailIdentifier": "g1", "guardrailVersion": "1"}},
            "guardrailConfig",
        ),
        ({"performanceConfig": {"latency": "optimized"}}, "performanceConfig.latency"),
        ({"additionalModelRequestFields": {"thinking": {}}}, "thinking"),
        (
            {
                "toolConfig": {
                    "tools": [{"toolSpec": {"name": "a", "inputSchema": {"json": {"type": 3}}}}]
                }
            },
            "toolConfig.tools.0.toolSpec.inputSchema.json",
        ),
        (
            {"toolConfig": {"tools": [SPEC], "toolChoice": {"tool": {"name": "news"}}}},
            "toolConfig.toolChoice.tool.name",
        ),
    ],
)
def test_what_is_not_served_or_wrong_is_named(
    scripted: Scripted, more: dict[str, Any], word: str
) -> None:
    for call in (scripted.converse, lambda *a, **k: next(scripted.converse_stream(*a, **k))):
        with pytest.raises(scripted.runtime.exceptions.ValidationException) as raised:
            call("Hi", **more)
        assert word in message_of(raised, 400)


def test_tokens_are_counted_as_the_model_reads_them(platform: Platform) -> None:
    runtime = platform.boto3("bedrock-runtime")
    counted = runtime.count_tokens(modelId=HAIKU, input={"converse": {"messages": ASKED}})
    assert counted["inputTokens"] == 5
    body = b'{"prompt": "How many words are these?"}'
    counted = runtime.count_tokens(
        modelId="meta.llama3-8b-instruct-v1:0", input={"invokeModel": {"body": body}}
    )
    assert counted["inputTokens"] == 5


def test_a_server_that_cannot_count_is_told_of(scripted: Scripted) -> None:
    with pytest.raises(ClientError, match="count tokens") as raised:
        scripted.runtime.count_tokens(modelId=HAIKU, input={"converse": {"messages": ASKED}})
    assert raised.value.response["Error"]["Code"] == "ValidationException"
