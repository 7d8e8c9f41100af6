"""Limits, scopes and revoked keys: each door refuses in its own words, and soon."""

import json
import time
from typing import Any

import httpx
import openai
import pytest
from botocore.exceptions import ClientError

from tests.support.platform import Credentials, Platform
from tests.wire.knowledge import unique, until

SMALL = "text-embedding-3-small"


def refusal(call: Any, *arguments: Any, **members: Any) -> tuple[str, int, dict[str, str]]:
    with pytest.raises(ClientError) as raised:
        call(*arguments, **members)
    told = raised.value.response
    metadata = told["ResponseMetadata"]
    return told["Error"]["Code"], metadata["HTTPStatusCode"], metadata["HTTPHeaders"]


@pytest.fixture(scope="module")
def slowed(platform: Platform) -> Credentials:
    """A tenant of one request a minute, which is spent."""
    tenant = unique("slowed")
    who = platform.keys(tenant)
    platform.run("limits", "set", "--tenant", tenant, "--requests", "1")
    until(lambda: _whoami(platform, who).status_code, lambda status: status == 429, 10)
    return who


def _whoami(platform: Platform, who: Credentials) -> httpx.Response:
    return httpx.get(f"{platform.url}/api/v1/whoami", headers=platform.rest(who))


def test_aws_throttles_and_says_when_to_come_back(platform: Platform, slowed: Credentials) -> None:
    for service, method, members, code, status in (
        ("bedrock-agent", "list_knowledge_bases", {}, "ThrottlingException", 429),
        ("bedrock", "list_foundation_models", {}, "ThrottlingException", 429),
        (
            "bedrock-runtime",
            "invoke_model",
            {"modelId": "m", "body": b"{}"},
            "ThrottlingException",
            429,
        ),
        ("sts", "get_caller_identity", {}, "Throttling", 400),
        ("s3", "list_buckets", {}, "SlowDown", 503),
    ):
        call = getattr(platform.boto3(service, slowed), method)
        found_code, found_status, headers = refusal(call, **members)
        assert (found_code, found_status) == (code, status), service
        assert 1 <= int(headers["retry-after"]) <= 60, service


def test_openai_throttles_and_says_when_to_come_back(
    platform: Platform, slowed: Credentials
) -> None:
    with pytest.raises(openai.RateLimitError) as raised:
        platform.openai(slowed).models.list()
    assert 1 <= int(raised.value.response.headers["retry-after"]) <= 60


def test_rest_throttles_and_says_when_to_come_back(platform: Platform, slowed: Credentials) -> None:
    answer = _whoami(platform, slowed)
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert 1 <= int(answer.headers["retry-after"]) <= 60


def test_tokens_are_limited_too(platform: Platform) -> None:
    tenant = unique("tokens")
    who = platform.keys(tenant)
    platform.run("limits", "set", "--tenant", tenant, "--tokens", "5")
    client = platform.openai(who)
    long = "oak " * 20
    until(lambda: _embedded(client, long), lambda went_well: not went_well, 10)
    with pytest.raises(openai.RateLimitError) as raised:
        client.embeddings.create(model=SMALL, input=long)
    assert "tokens" in raised.value.message
    body = b'{"inputText": "' + long.encode() + b'"}'
    runtime = platform.boto3("bedrock-runtime", who)
    code, status, _ = refusal(runtime.invoke_model, modelId="amazon.titan-embed-text-v1", body=body)
    assert (code, status) == ("ThrottlingException", 429)
    endpoint = platform.boto3("sagemaker-runtime", who).invoke_endpoint
    asked = {"EndpointName": "voyage-2-embedding", "Body": body.replace(b"inputText", b"input")}
    assert refusal(endpoint, **asked)[0] == "ThrottlingException"
    vectors = {"model": SMALL, "texts": [long]}
    route = f"{platform.url}/api/v1/search/embeddings"
    assert httpx.post(route, headers=platform.rest(who), json=vectors).status_code == 429


def test_generated_tokens_are_limited_whole_and_streamed(platform: Platform) -> None:
    tenant = unique("written")
    who = platform.keys(tenant)
    platform.run("limits", "set", "--tenant", tenant, "--tokens", "150")
    client = platform.openai(who)
    question = "oak " * 100
    until(lambda: _embedded(client, question), lambda went_well: not went_well, 10)
    said: Any = [{"role": "user", "content": question}]
    for streams in (False, True):
        with pytest.raises(openai.RateLimitError):
            client.chat.completions.create(model="extractive", messages=said, stream=streams)
        with pytest.raises(openai.RateLimitError):
            client.completions.create(model="extractive", prompt=question, stream=streams)
    runtime = platform.boto3("bedrock-runtime", who)
    asked = {
        "modelId": "extractive",
        "messages": [{"role": "user", "content": [{"text": question}]}],
    }
    body = json.dumps({"inputs": question})
    endpoint = platform.boto3("sagemaker-runtime", who)
    for call, members in (
        (runtime.converse, asked),
        (runtime.converse_stream, asked),
        (endpoint.invoke_endpoint, {"EndpointName": "extractive", "Body": body}),
        (
            endpoint.invoke_endpoint_with_response_stream,
            {"EndpointName": "extractive", "Body": body},
        ),
    ):
        code, _, headers = refusal(call, **members)
        assert code == "ThrottlingException"
        assert 1 <= int(headers["retry-after"]) <= 60


def _embedded(client: openai.OpenAI, text: str) -> bool:
    try:
        return bool(client.embeddings.create(model=SMALL, input=text).data)
    except openai.RateLimitError:
        return False


@pytest.fixture(scope="module")
def scoped(platform: Platform) -> Credentials:
    scopes = (
        "bedrock-agent:List*",
        "openai:ListModels",
        "rest:whoami",
        "s3:*@arn:aws:s3:::public-*",
    )
    options = [part for scope in scopes for part in ("--scope", scope)]
    return platform.keys(unique("scoped"), *options)


def test_a_scoped_key_does_what_it_may_at_every_door(
    platform: Platform, scoped: Credentials
) -> None:
    agent = platform.boto3("bedrock-agent", scoped)
    assert agent.list_knowledge_bases()["knowledgeBaseSummaries"] == []
    with pytest.raises(agent.exceptions.AccessDeniedException):
        agent.get_knowledge_base(knowledgeBaseId="ABSENT0000")
    runtime = platform.boto3("bedrock-runtime", scoped)
    assert refusal(
        runtime.invoke_model, modelId="amazon.titan-embed-text-v1", body=b'{"inputText": "a"}'
    )[:2] == ("AccessDeniedException", 403)

    assert list(platform.openai(scoped).models.list())
    with pytest.raises(openai.PermissionDeniedError):
        platform.openai(scoped).embeddings.create(model=SMALL, input="a")

    assert _whoami(platform, scoped).status_code == 200
    jobs = httpx.get(f"{platform.url}/api/v1/jobs", headers=platform.rest(scoped))
    assert (jobs.status_code, jobs.json()["code"]) == (403, "permission_denied")


def test_a_scope_may_name_its_resources(platform: Platform, scoped: Credentials) -> None:
    s3 = platform.boto3("s3", scoped)
    bucket = unique("public")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"v")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"v"
    assert refusal(s3.create_bucket, Bucket=unique("private"))[:2] == ("AccessDenied", 403)


def test_a_revoked_key_is_refused_within_five_seconds_at_every_door(platform: Platform) -> None:
    tenant = unique("revoked")
    who = platform.keys(tenant)
    agent = platform.boto3("bedrock-agent", who)
    agent.list_knowledge_bases()
    assert _whoami(platform, who).status_code == 200
    listed = platform.run("keys", "list", "--tenant", tenant)
    ids = [cells[1] for line in listed.splitlines() if len(cells := line.split("│")) > 2]
    for id in ids:
        platform.run("keys", "revoke", id.strip(), "--tenant", tenant)
    began = time.monotonic()
    until(lambda: _whoami(platform, who).status_code, lambda status: status == 401, 6)
    until(lambda: _is_refused(agent), bool, 6)
    assert time.monotonic() - began < 6
    with pytest.raises(openai.AuthenticationError):
        platform.openai(who).models.list()
    code, status, _ = refusal(agent.list_knowledge_bases)
    assert (code, status) == ("UnrecognizedClientException", 403)


def _is_refused(agent: Any) -> bool:
    try:
        agent.list_knowledge_bases()
    except ClientError:
        return True
    return False
