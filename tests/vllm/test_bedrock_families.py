"""Bedrock's families on the real engine: one answer in all forms, counted as the model reads it."""

import json
from typing import Any

import pytest

from tests.support.platform import Platform
from tests.unit.dialects.bedrock.payloads import FAMILIES
from tests.wire.bedrock_models import METRICS, message_of

ASKED = "Ask a question and you will get"
TOKENS = 12
CLAUDE: dict[str, Any] = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": TOKENS,
    "temperature": 0,
    "messages": [{"role": "user", "content": ASKED}],
}
BODIES: dict[str, dict[str, Any]] = {
    "titan": {
        "inputText": ASKED,
        "textGenerationConfig": {"maxTokenCount": TOKENS, "temperature": 0},
    },
    "llama": {"prompt": ASKED, "max_gen_len": TOKENS, "temperature": 0},
    "mistral": {"prompt": ASKED, "max_tokens": TOKENS, "temperature": 0},
    "command": {"prompt": ASKED, "max_tokens": TOKENS, "temperature": 0},
    "claude": CLAUDE,
    "claude-text": {
        "prompt": f"\n\nHuman: {ASKED}\n\nAssistant:",
        "max_tokens_to_sample": TOKENS,
        "temperature": 0,
    },
    "mistral-chat": {"messages": CLAUDE["messages"], "max_tokens": TOKENS, "temperature": 0},
    "command-r": {"message": ASKED, "max_tokens": TOKENS, "temperature": 0},
    "nova": {
        "messages": [{"role": "user", "content": [{"text": ASKED}]}],
        "inferenceConfig": {"maxTokens": TOKENS, "temperature": 0},
    },
    "jamba": {"messages": CLAUDE["messages"], "max_tokens": TOKENS, "temperature": 0},
}
# Grammars allow white space anywhere, and random weights would write nothing else.
UNLIKE_BEFORE = {"frequency_penalty": 2.0}
PROMPTS = ("titan", "llama", "mistral", "command")
CITY = {
    "type": "object",
    "properties": {"city": {"enum": ["Oslo", "Rome"]}},
    "required": ["city"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def runtime(vllm_platform: Platform) -> Any:
    return vllm_platform.boto3("bedrock-runtime", read_timeout=120)


def whole(runtime: Any, name: str, **more: Any) -> tuple[dict[str, Any], dict[str, str]]:
    answered = runtime.invoke_model(
        modelId=FAMILIES[name].model, body=json.dumps(BODIES[name] | more)
    )
    return json.load(answered["body"]), answered["ResponseMetadata"]["HTTPHeaders"]


@pytest.mark.parametrize("name", BODIES)
def test_a_family_streams_what_it_answers_whole_and_counts_alike(runtime: Any, name: str) -> None:
    family, body = FAMILIES[name], json.dumps(BODIES[name])
    answer, headers = whole(runtime, name)
    said = family.said(answer)
    assert said
    streamed = runtime.invoke_model_with_response_stream(modelId=family.model, body=body)
    chunks = [json.loads(event["chunk"]["bytes"]) for event in streamed["body"]]
    parts = [part for chunk in chunks if (part := family.part(chunk))]
    assert "".join(parts).removeprefix(" ") == said.removeprefix(" ")
    assert len(parts) > 2
    counted = runtime.count_tokens(
        modelId=family.model, input={"invokeModel": {"body": body.encode()}}
    )
    metrics = chunks[-1][METRICS]
    read = int(headers["x-amzn-bedrock-input-token-count"])
    assert counted["inputTokens"] == read == metrics["inputTokenCount"]
    assert metrics["outputTokenCount"] == TOKENS


def test_families_of_one_kind_say_the_same(runtime: Any) -> None:
    said = {name: FAMILIES[name].said(whole(runtime, name)[0]).strip() for name in BODIES}
    assert len({said[name] for name in PROMPTS}) == 1
    assert len({text for name, text in said.items() if name not in PROMPTS}) == 1


def test_a_stop_sequence_ends_an_answer_and_is_told(runtime: Any) -> None:
    text = whole(runtime, "claude")[0]["content"][0]["text"]
    stop = text.split()[1]
    answer = whole(runtime, "claude", stop_sequences=[stop])[0]
    assert (answer["stop_reason"], answer["stop_sequence"]) == ("stop_sequence", stop)
    assert answer["content"][0]["text"] == text[: text.index(stop)]


def test_an_answer_goes_on_from_its_beginning(runtime: Any) -> None:
    text = whole(runtime, "claude")[0]["content"][0]["text"]
    first = text.split()[0]
    turn = {"role": "assistant", "content": first}
    answer = whole(runtime, "claude", messages=[*CLAUDE["messages"], turn])[0]
    said = answer["content"][0]["text"]
    rest = text.lstrip().removeprefix(first)
    assert said.startswith(rest)
    assert len(said) > len(rest)


def test_a_tool_that_must_be_called_is_called_as_its_schema_says(runtime: Any) -> None:
    spec = {"toolSpec": {"name": "weather", "inputSchema": {"json": CITY}}}
    ask: dict[str, Any] = {
        "modelId": FAMILIES["claude"].model,
        "messages": [{"role": "user", "content": [{"text": ASKED}]}],
        "inferenceConfig": {"maxTokens": 500, "temperature": 0},
        "additionalModelRequestFields": UNLIKE_BEFORE,
        "toolConfig": {"tools": [spec], "toolChoice": {"tool": {"name": "weather"}}},
    }
    answer = runtime.converse(**ask)
    assert answer["stopReason"] == "tool_use"
    [used] = [one["toolUse"] for one in answer["output"]["message"]["content"] if "toolUse" in one]
    assert used["name"] == "weather"
    assert used["input"]["city"] in ("Oslo", "Rome")
    events = list(runtime.converse_stream(**ask)["stream"])
    written = [
        event["contentBlockDelta"]["delta"]["toolUse"]["input"]
        for event in events
        if "toolUse" in event.get("contentBlockDelta", {}).get("delta", {})
    ]
    assert json.loads("".join(written)) == used["input"]
    assert events[-2]["messageStop"]["stopReason"] == "tool_use"


def test_an_answer_is_held_to_a_schema(runtime: Any) -> None:
    form = {
        "type": "json_schema",
        "structure": {"jsonSchema": {"schema": json.dumps(CITY), "name": "place"}},
    }
    answer = runtime.converse(
        modelId=FAMILIES["claude"].model,
        messages=[{"role": "user", "content": [{"text": ASKED}]}],
        inferenceConfig={"maxTokens": 500, "temperature": 0},
        additionalModelRequestFields=UNLIKE_BEFORE,
        outputConfig={"textFormat": form},
    )
    text = answer["output"]["message"]["content"][0]["text"]
    assert json.loads(text)["city"] in ("Oslo", "Rome")


@pytest.mark.parametrize("name", ["llama", "claude"])
def test_a_context_too_long_is_told_with_both_numbers(runtime: Any, name: str) -> None:
    far = "The undercroft lies below the church. " * 2000
    body = (
        {"prompt": far}
        if name == "llama"
        else CLAUDE | {"messages": [{"role": "user", "content": far}]}
    )
    with pytest.raises(runtime.exceptions.ValidationException) as raised:
        whole(runtime, name, **body)
    said = message_of(raised, 400)
    counted = runtime.count_tokens(
        modelId=FAMILIES[name].model,
        input={"invokeModel": {"body": json.dumps(BODIES[name] | body).encode()}},
    )
    assert str(counted["inputTokens"]) in said
