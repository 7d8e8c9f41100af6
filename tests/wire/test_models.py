"""Models through boto3: the catalogue, InvokeModel's payloads, and an endpoint."""

import json
import math
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.platform import Platform

TITAN_1, TITAN_2 = "amazon.titan-embed-text-v1", "amazon.titan-embed-text-v2:0"
PROMPT = "Use the context to answer.\n<context>The bridge of Alder is made of oak.</context>\n"
QUESTION = "What is the bridge of Alder made of?"


@pytest.fixture(scope="module")
def runtime(platform: Platform) -> Any:
    return platform.boto3("bedrock-runtime")


def invoke(runtime: Any, model: str, **body: Any) -> dict[str, Any]:
    answered = runtime.invoke_model(modelId=model, body=json.dumps(body))
    assert answered["contentType"] == "application/json"
    found: dict[str, Any] = json.loads(answered["body"].read())
    return found


def refused(raised: pytest.ExceptionInfo[ClientError], code: str, status: int) -> str:
    response = raised.value.response
    assert response["Error"]["Code"] == code
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status
    return str(response["Error"]["Message"])


def test_the_catalogue_says_what_serves_a_name(platform: Platform) -> None:
    bedrock = platform.boto3("bedrock")
    models = {one["modelId"]: one for one in bedrock.list_foundation_models()["modelSummaries"]}
    assert models[TITAN_1]["outputModalities"] == ["EMBEDDING"]
    assert models["anthropic.claude-v2"]["outputModalities"] == ["TEXT"]
    embeddings = bedrock.list_foundation_models(byOutputModality="EMBEDDING")["modelSummaries"]
    assert {one["modelId"] for one in embeddings} < models.keys()
    assert bedrock.list_foundation_models(byProvider="amazon")["modelSummaries"]
    found = bedrock.get_foundation_model(modelIdentifier=TITAN_1)["modelDetails"]
    assert found["modelName"] == "all-MiniLM-L6-v2"
    with pytest.raises(bedrock.exceptions.ResourceNotFoundException):
        bedrock.get_foundation_model(modelIdentifier="acme.absent-v1")


def test_titan_one_embeds(runtime: Any) -> None:
    answered = invoke(runtime, TITAN_1, inputText="oak bridge")
    assert len(answered["embedding"]) == 1536
    assert answered["inputTextTokenCount"] > 0
    assert math.isclose(sum(x * x for x in answered["embedding"]), 1, abs_tol=1e-3)


def test_titan_two_has_dimensions_and_types(runtime: Any) -> None:
    whole = invoke(runtime, TITAN_2, inputText="oak bridge", embeddingTypes=["float", "binary"])
    assert len(whole["embedding"]) == 1024
    assert whole["embeddingsByType"]["float"] == whole["embedding"]
    assert set(whole["embeddingsByType"]["binary"]) == {0, 1}
    assert len(invoke(runtime, TITAN_2, inputText="oak", dimensions=512)["embedding"]) == 512
    binary = invoke(runtime, TITAN_2, inputText="oak", embeddingTypes=["binary"])
    assert "embedding" not in binary


def test_a_dimension_that_the_model_lacks_is_refused(runtime: Any) -> None:
    with pytest.raises(ClientError) as raised:
        invoke(runtime, TITAN_2, inputText="oak", dimensions=256)
    assert "dimensions" in refused(raised, "ValidationException", 400)


def test_cohere_embeds_many_texts_in_many_types(runtime: Any) -> None:
    ask = {"texts": ["oak", "iron", "rope"], "input_type": "search_document"}
    plain = invoke(runtime, "cohere.embed-english-v3", **ask)
    assert [len(row) for row in plain["embeddings"]] == [1024] * 3
    assert plain["response_type"] == "embeddings_floats"
    typed = invoke(
        runtime, "cohere.embed-english-v3", **ask, embedding_types=["int8", "ubinary", "float"]
    )
    assert {kind: len(rows[0]) for kind, rows in typed["embeddings"].items()} == {
        "int8": 1024,
        "ubinary": 128,
        "float": 1024,
    }


def test_claude_answers_messages(runtime: Any) -> None:
    answered = invoke(
        runtime,
        "anthropic.claude-3-haiku-20240307-v1:0",
        anthropic_version="bedrock-2023-05-31",
        max_tokens=100,
        system="Be brief.",
        messages=[{"role": "user", "content": [{"type": "text", "text": PROMPT + QUESTION}]}],
    )
    assert answered["role"] == "assistant"
    assert "oak" in answered["content"][0]["text"]
    assert answered["stop_reason"] == "end_turn"
    assert answered["usage"]["input_tokens"] > 0
    assert answered["usage"]["output_tokens"] > 0


def test_claude_two_completes_a_prompt(runtime: Any) -> None:
    prompt = f"\n\nHuman: {PROMPT}{QUESTION}\n\nAssistant:"
    answered = runtime.invoke_model(
        modelId="anthropic.claude-v2",
        body=json.dumps({"prompt": prompt, "max_tokens_to_sample": 200}),
    )
    assert "oak" in json.loads(answered["body"].read())["completion"]
    headers = answered["ResponseMetadata"]["HTTPHeaders"]
    assert int(headers["x-amzn-bedrock-input-token-count"]) > 0


@pytest.mark.parametrize(
    ("model", "body", "word"),
    [
        (TITAN_1, b"{", "JSON"),
        (TITAN_1, b"[]", "object"),
        (TITAN_1, b'{"inputText": 3}', "inputText"),
        (TITAN_1, b'{"inputText": "a", "colour": 1}', "colour"),
        (TITAN_1, b'{"inputText": ""}', "empty"),
        (TITAN_2, b'{"inputText": "a", "dimensions": "x"}', "dimensions"),
        (TITAN_2, b'{"inputText": "a", "dimensions": -5}', "dimensions"),
        ("cohere.embed-english-v3", b'{"texts": [], "input_type": "search_query"}', "texts"),
        ("anthropic.claude-v2", b'{"prompt": "hi"}', "Human"),
        ("anthropic.claude-3-haiku-20240307-v1:0", b'{"messages": []}', "anthropic_version"),
    ],
)
def test_a_bad_payload_is_told_by_its_member(
    runtime: Any, model: str, body: bytes, word: str
) -> None:
    with pytest.raises(ClientError) as raised:
        runtime.invoke_model(modelId=model, body=body)
    assert word in refused(raised, "ValidationException", 400)


def test_an_absent_model_is_told(runtime: Any) -> None:
    with pytest.raises(ClientError) as raised:
        invoke(runtime, "acme.absent-v1", inputText="a")
    refused(raised, "ResourceNotFoundException", 404)


def test_an_operation_that_is_absent_is_named(runtime: Any) -> None:
    with pytest.raises(ClientError, match="ListAsyncInvokes") as raised:
        runtime.list_async_invokes()
    refused(raised, "UnknownOperationException", 501)


def test_an_endpoint_speaks_as_voyage_does(platform: Platform) -> None:
    client = platform.boto3("sagemaker-runtime")
    ask = {"input": ["oak bridge", "iron bridge"], "input_type": "document", "truncation": "true"}
    answered = client.invoke_endpoint(
        EndpointName="voyage-2-embedding", ContentType="application/json", Body=json.dumps(ask)
    )
    body = json.loads(answered["Body"].read())
    assert [len(one["embedding"]) for one in body["data"]] == [1024, 1024]
    assert [one["index"] for one in body["data"]] == [0, 1]
    assert body["usage"]["total_tokens"] > 0
    with pytest.raises(ClientError, match="absent-endpoint") as raised:
        client.invoke_endpoint(EndpointName="absent-endpoint", Body=b"{}")
    refused(raised, "ValidationError", 400)


def test_a_model_whose_weights_are_not_here_says_what_to_do(platform: Platform) -> None:
    bedrock = platform.boto3("bedrock")
    listed = {one["modelId"] for one in bedrock.list_foundation_models()["modelSummaries"]}
    assert "meta.llama-3-8b-instruct" not in listed
    with pytest.raises(bedrock.exceptions.ResourceNotFoundException, match="models pull meta"):
        bedrock.get_foundation_model(modelIdentifier="meta.llama-3-8b-instruct")
    absent = bedrock.get_foundation_model_availability(modelId="meta.llama-3-8b-instruct")
    assert absent["entitlementAvailability"] == "NOT_AVAILABLE"
    here = bedrock.get_foundation_model_availability(modelId="undercroft.extractive-v1")
    assert here["entitlementAvailability"] == "AVAILABLE"


def test_a_tenant_without_adapters_has_no_custom_models(platform: Platform) -> None:
    bedrock = platform.boto3("bedrock", platform.keys("without-adapters"))
    assert bedrock.list_custom_models()["modelSummaries"] == []
    with pytest.raises(bedrock.exceptions.ResourceNotFoundException):
        bedrock.get_custom_model(modelIdentifier="nobody")
