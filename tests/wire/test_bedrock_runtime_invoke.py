"""InvokeModel through boto3 for every text family: whole, streamed, and under all its names."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.contract.openai_double import CALL, SAID
from tests.unit.dialects.bedrock.payloads import FAMILIES, USER, WEATHER, Family
from tests.wire.bedrock_models import HAIKU, METRICS, Scripted, claude, scripted_platform

INVOKED = {name: family for name, family in FAMILIES.items() if name not in ("converse", "own")}
EVERY = pytest.mark.parametrize("family", INVOKED.values(), ids=INVOKED)
TOOL = {"name": "weather", "description": "Tells.", "input_schema": WEATHER}


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scripted]:
    with scripted_platform(tmp_path_factory.mktemp("scripted")) as running:
        yield running


@EVERY
def test_every_family_is_answered_in_its_own_form(scripted: Scripted, family: Family) -> None:
    assert family.said(scripted.invoke(family.model, **family.body)) == SAID


@EVERY
def test_every_family_streams_what_it_would_have_answered(
    scripted: Scripted, family: Family
) -> None:
    chunks = list(scripted.stream(family.model, **family.body))
    said = "".join(family.part(chunk) for chunk in chunks)
    assert said.removeprefix(" ") == SAID
    assert len([chunk for chunk in chunks if family.part(chunk)]) > 2
    assert [METRICS in chunk for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    metrics = chunks[-1][METRICS]
    assert (metrics["inputTokenCount"], metrics["outputTokenCount"]) == (7, 9)
    assert metrics["invocationLatency"] >= metrics["firstByteLatency"] >= 0


def test_prompts_go_to_the_model_raw(scripted: Scripted) -> None:
    prompt = "<s>[INST] Hi [/INST]"
    scripted.invoke("mistral.mistral-7b-instruct-v0:2", prompt=prompt, temperature=0.5, top_k=3)
    sent = scripted.double.seen[-1]
    assert (sent["prompt"], sent["max_tokens"], sent["temperature"]) == (prompt, 512, 0.5)
    assert "messages" not in sent


def test_counts_and_the_latency_are_in_headers(scripted: Scripted) -> None:
    answered = scripted.runtime.invoke_model(
        modelId="meta.llama3-8b-instruct-v1:0", body=b'{"prompt": "Hi"}'
    )
    headers = answered["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amzn-bedrock-input-token-count"] == "7"
    assert headers["x-amzn-bedrock-output-token-count"] == "9"
    assert int(headers["x-amzn-bedrock-invocation-latency"]) >= 0


def test_claude_calls_tools_and_reads_images(scripted: Scripted) -> None:
    pixels = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
    content = [{"type": "image", "source": pixels}, {"type": "text", "text": "[[calls]]"}]
    body = claude("", tools=[TOOL], tool_choice={"type": "any"}, system="Be brief.")
    body["messages"][0]["content"] = content
    answer = scripted.invoke(HAIKU, **body)
    assert answer["stop_reason"] == "tool_use"
    assert answer["content"][1] == {
        "type": "tool_use",
        "id": CALL["id"],
        "name": "weather",
        "input": {"city": "Oslo"},
    }
    sent = scripted.double.seen[-1]
    assert sent["tool_choice"] == "required"
    assert sent["messages"][0] == {"role": "system", "content": "Be brief."}
    [image, _] = sent["messages"][1]["content"]
    assert image["image_url"]["url"] == "data:image/png;base64,iVBORw0KGgo="


def test_claude_streams_the_input_of_a_tool(scripted: Scripted) -> None:
    events = list(scripted.stream(HAIKU, **claude("[[calls]]", tools=[TOOL])))
    pieces = [event["delta"].get("partial_json", "") for event in events if "delta" in event]
    assert "".join(pieces) == CALL["arguments"]
    assert len(pieces) > len(CALL["arguments"])
    assert events[-2]["delta"]["stop_reason"] == "tool_use"


def test_a_stop_sequence_is_told(scripted: Scripted) -> None:
    answer = scripted.invoke(HAIKU, **claude("[[stops]]", stop_sequences=["END"]))
    assert (answer["stop_reason"], answer["stop_sequence"]) == ("stop_sequence", "END")
    assert scripted.double.seen[-1]["stop"] == ["END"]


@pytest.mark.parametrize(
    "name",
    [
        HAIKU,
        f"us.{HAIKU}",
        f"arn:aws:bedrock:us-east-1::foundation-model/{HAIKU}",
        f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.{HAIKU}",
        f"arn:aws:bedrock:us-east-1:123456789012:provisioned-model/{HAIKU}",
        f"arn:aws:bedrock:us-east-1:123456789012:imported-model/{HAIKU}",
        f"arn:aws:bedrock:us-east-1:123456789012:custom-model-deployment/{HAIKU}",
    ],
)
def test_a_model_has_many_names(scripted: Scripted, name: str) -> None:
    assert scripted.invoke(name, **claude("Hi"))["content"][0]["text"] == SAID


@pytest.mark.parametrize("name", ["scripted", "openai.scripted"])
@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"messages": USER}, lambda answer: answer["choices"][0]["message"]["content"]),
        ({"prompt": "Hi", "max_gen_len": 5}, lambda answer: answer["generation"]),
        ({"prompt": "Hi", "max_tokens": 5}, lambda answer: answer["outputs"][0]["text"]),
        (claude("Hi"), lambda answer: answer["content"][0]["text"]),
    ],
)
def test_a_model_of_our_own_is_asked_in_the_form_of_the_body(
    scripted: Scripted, name: str, body: dict[str, Any], text: Any
) -> None:
    assert text(scripted.invoke(name, **body)) == SAID


def test_streams_are_booked_to_the_model_that_answered(scripted: Scripted) -> None:
    list(scripted.stream("amazon.titan-text-lite-v1", inputText="Hi"))
    assert 'undercroft_tokens_total{direction="out",model="openai.scripted"}' in _metrics(scripted)


def _metrics(scripted: Scripted) -> str:
    return httpx.get(f"{scripted.platform.url}/metrics", headers=scripted.platform.rest()).text
