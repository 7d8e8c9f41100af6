"""Bedrock's batch inference through boto3: records in S3, answers and a manifest beside them."""

import json
import time
from collections.abc import Iterator
from typing import Any

import botocore.exceptions
import pytest

from tests.support.platform import Credentials, Platform
from tests.wire.openai_models import platform_with_model

ENDED = ("Completed", "Failed", "Stopped", "PartiallyCompleted", "Expired")
ROLE = "arn:aws:iam::123456789012:role/batches"
CLAUDE = "anthropic.claude-3-haiku-20240307-v1:0"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with platform_with_model(tmp_path_factory.mktemp("bedrock-batches")) as (platform, _):
        platform.boto3("s3").create_bucket(Bucket="batches")
        yield platform


def claude(text: str, **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": text}]
    version = "bedrock-2023-05-31"
    return {"anthropic_version": version, "max_tokens": 50, "messages": messages, **more}


def put(platform: Platform, key: str, lines: list[Any]) -> None:
    body = "\n".join(one if isinstance(one, str) else json.dumps(one) for one in lines)
    platform.boto3("s3").put_object(Bucket="batches", Key=key, Body=body.encode())


def start(
    platform: Platform, where: str, who: Credentials | None = None, **more: Any
) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "jobName": "nightly",
        "roleArn": ROLE,
        "modelId": CLAUDE,
        "inputDataConfig": {"s3InputDataConfig": {"s3Uri": f"s3://batches/{where}"}},
        "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://batches/out/"}},
    }
    made: dict[str, Any] = platform.boto3("bedrock", who).create_model_invocation_job(
        **(asked | more)
    )
    return made


def ended(platform: Platform, arn: str, patience: float = 30) -> dict[str, Any]:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        job: dict[str, Any] = platform.boto3("bedrock").get_model_invocation_job(jobIdentifier=arn)
        if job["status"] in ENDED:
            return job
        time.sleep(0.1)
    raise AssertionError(f"the job did not end: {job}")


def read(platform: Platform, arn: str, name: str) -> list[Any]:
    key = f"out/{arn.rpartition('/')[2]}/{name}"
    found = platform.boto3("s3").get_object(Bucket="batches", Key=key)
    return [json.loads(line) for line in found["Body"].read().splitlines()]


def test_records_are_answered_in_their_family_s_form(platform: Platform) -> None:
    records: list[Any] = [
        {"recordId": f"REC{n:08d}", "modelInput": claude(f"word {n}")} for n in range(20)
    ]
    records[3]["modelInput"]["max_tokens"] = "many"
    records[4] = "{not json"
    del records[5]["recordId"]
    deep = "[" * 300 + "]" * 300  # more than can be written again
    records[6] = f'{{"recordId": "DEEP", "modelInput": {{"deep": {deep}}}}}'
    put(platform, "in/records.jsonl", records)
    arn = start(platform, "in/records.jsonl")["jobArn"]
    job = ended(platform, arn)
    assert job["status"] == "Completed"
    assert (job["jobName"], job["modelId"], job["roleArn"]) == ("nightly", CLAUDE, ROLE)
    assert (job["totalRecordCount"], job["errorRecordCount"]) == (20, 3)
    told = read(platform, arn, "records.jsonl.out")
    assert len(told) == 20
    assert told[0]["recordId"] == "REC00000000"
    assert told[0]["modelOutput"]["content"] == [{"type": "text", "text": "word 0!"}]
    assert told[0]["modelInput"] == records[0]["modelInput"]
    assert told[3]["error"]["errorCode"] == 400
    assert "modelOutput" not in told[3]
    assert told[4]["error"]["errorCode"] == 400
    assert told[5]["recordId"] == "CALL0000006"
    assert (told[6]["recordId"], told[6]["modelInput"]) == ("DEEP", None)
    assert "200 deep" in told[6]["error"]["errorMessage"]
    (manifest,) = read(platform, arn, "manifest.json.out")
    assert manifest["successRecordCount"] == 17
    assert manifest["processedRecordCount"] == 20
    assert manifest["inputTokenCount"] == 34


def test_a_folder_has_an_output_for_each_of_its_inputs(platform: Platform) -> None:
    for name in ("a.jsonl", "deep/b.jsonl"):
        put(platform, f"many/{name}", [{"recordId": name, "modelInput": claude(name)}])
    put(platform, "many/notes.txt", ["no record"])
    arn = start(platform, "many/")["jobArn"]
    assert ended(platform, arn)["totalRecordCount"] == 2
    for name in ("a.jsonl", "deep/b.jsonl"):
        assert read(platform, arn, f"{name}.out")[0]["recordId"] == name


def test_converse_records_and_embeddings_are_answered_too(platform: Platform) -> None:
    message = {"role": "user", "content": [{"text": "hello"}]}
    put(platform, "in/converse.jsonl", [{"recordId": "c", "modelInput": {"messages": [message]}}])
    arn = start(platform, "in/converse.jsonl", modelInvocationType="Converse")["jobArn"]
    ended(platform, arn)
    told = read(platform, arn, "converse.jsonl.out")[0]["modelOutput"]
    assert told["output"]["message"]["content"] == [{"text": "hello!"}]
    put(platform, "in/embed.jsonl", [{"recordId": "e", "modelInput": {"inputText": "oak"}}])
    arn = start(platform, "in/embed.jsonl", modelId="amazon.titan-embed-text-v2:0")["jobArn"]
    ended(platform, arn)
    assert len(read(platform, arn, "embed.jsonl.out")[0]["modelOutput"]["embedding"]) == 1024


def test_a_stopped_job_writes_what_it_has(platform: Platform) -> None:
    bedrock = platform.boto3("bedrock")
    lines = [{"recordId": f"q{n}", "modelInput": claude("quick")} for n in range(10)]
    lines += [{"recordId": f"s{n}", "modelInput": claude("wait 60")} for n in range(40)]
    put(platform, "in/slow.jsonl", lines)
    arn = start(platform, "in/slow.jsonl")["jobArn"]
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if bedrock.get_model_invocation_job(jobIdentifier=arn)["successRecordCount"] == 10:
            break
        time.sleep(0.05)
    bedrock.stop_model_invocation_job(jobIdentifier=arn)
    assert ended(platform, arn)["status"] == "Stopped"
    assert [one["recordId"] for one in read(platform, arn, "slow.jsonl.out")] == [
        f"q{n}" for n in range(10)
    ]
    with pytest.raises(bedrock.exceptions.ConflictException):
        bedrock.stop_model_invocation_job(jobIdentifier=arn)


def test_a_job_without_records_fails_and_says_why(platform: Platform) -> None:
    job = ended(platform, start(platform, "nothing/here")["jobArn"])
    assert job["status"] == "Failed"
    assert "nothing/here" in job["message"]


def test_jobs_are_listed_and_filtered(platform: Platform) -> None:
    bedrock = platform.boto3("bedrock")
    put(platform, "in/one.jsonl", [{"recordId": "r", "modelInput": claude("x")}])
    arns = [start(platform, "in/one.jsonl", jobName=f"listed-{n}")["jobArn"] for n in range(3)]
    for arn in arns:
        ended(platform, arn)
    pages = bedrock.get_paginator("list_model_invocation_jobs").paginate(
        nameContains="listed", statusEquals="Completed", PaginationConfig={"PageSize": 2}
    )
    assert [job["jobArn"] for page in pages for job in page["invocationJobSummaries"]] == arns[::-1]


def test_a_key_for_encryption_is_refused_by_its_own_name(platform: Platform) -> None:
    put(platform, "in/one.jsonl", [{"recordId": "r", "modelInput": claude("x")}])
    output = {"s3Uri": "s3://batches/out/", "s3EncryptionKeyId": "alias/key"}
    with pytest.raises(botocore.exceptions.ClientError, match="s3EncryptionKeyId") as raised:
        start(platform, "in/one.jsonl", outputDataConfig={"s3OutputDataConfig": output})
    assert "s3Uri" not in str(raised.value)


def test_the_same_token_is_the_same_job(platform: Platform) -> None:
    put(platform, "in/one.jsonl", [{"recordId": "r", "modelInput": claude("x")}])
    first, second = (start(platform, "in/one.jsonl", clientRequestToken="t1") for _ in range(2))
    assert first["jobArn"] == second["jobArn"]


def test_a_job_does_nothing_that_its_key_may_not(platform: Platform) -> None:
    bedrock = platform.boto3("bedrock")
    put(platform, "in/one.jsonl", [{"recordId": "r", "modelInput": claude("x")}])
    allowed = ("bedrock:*", "bedrock-runtime:*", "s3:ListObjectsV2", "s3:GetObject", "s3:PutObject")
    tenant = "default"
    for missing in allowed[1:]:
        scopes = [part for one in allowed if one != missing for part in ("--scope", one)]
        with pytest.raises(bedrock.exceptions.AccessDeniedException):
            start(platform, "in/one.jsonl", platform.keys(tenant, *scopes))


def test_another_tenants_bucket_and_job_are_as_absent(platform: Platform) -> None:
    put(platform, "in/one.jsonl", [{"recordId": "r", "modelInput": claude("x")}])
    arn = start(platform, "in/one.jsonl")["jobArn"]
    stranger = platform.keys("stranger")
    bedrock = platform.boto3("bedrock", stranger)
    with pytest.raises(bedrock.exceptions.ResourceNotFoundException):
        start(platform, "in/one.jsonl", stranger)
    with pytest.raises(bedrock.exceptions.ResourceNotFoundException):
        bedrock.get_model_invocation_job(jobIdentifier=arn)
    with pytest.raises(botocore.exceptions.ClientError, match="model"):
        start(platform, "in/one.jsonl", modelId="absent.model")


def test_an_output_that_can_never_be_written_is_refused_before_anything_is_asked(
    platform: Platform,
) -> None:
    put(platform, "solid/manifest.json", [{"recordId": "R1", "modelInput": claude("x")}])
    long = {"s3OutputDataConfig": {"s3Uri": f"s3://batches/{'o' * 1000}/"}}
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        start(platform, "solid/manifest.json", outputDataConfig=long)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    job = ended(platform, start(platform, "solid/manifest.json")["jobArn"])
    assert job["status"] == "Failed"
    assert "manifest" in job["message"]


@pytest.mark.parametrize("bad", ["\x00", "\n", "\x7f"])
def test_a_control_character_in_a_place_is_refused(platform: Platform, bad: str) -> None:
    output = {"s3OutputDataConfig": {"s3Uri": f"s3://batches/o{bad}ut/"}}
    for more in ({"outputDataConfig": output}, {}):
        with pytest.raises(botocore.exceptions.ClientError) as refused:
            start(platform, "in/" if more else f"in{bad}/", **more)
        assert refused.value.response["Error"]["Code"] == "ValidationException"
