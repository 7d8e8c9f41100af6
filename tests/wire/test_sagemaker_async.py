"""Invocations that nobody waits for: from an object in S3 to an object in S3."""

import json
import time
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.platform import Platform
from tests.wire.sagemaker_support import MODEL, PROMPT, create_endpoint, create_model, fresh


@dataclass(frozen=True)
class Async:
    runtime: Any
    s3: Any
    bucket: str
    endpoint: str

    def ask(self, body: bytes, **more: Any) -> Any:
        key = f"in/{fresh('request')}.json"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return self.runtime.invoke_endpoint_async(
            EndpointName=self.endpoint, InputLocation=f"s3://{self.bucket}/{key}", **more
        )

    def read(self, uri: str, patience: float = 30) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        until = time.monotonic() + patience
        while True:
            try:
                body: bytes = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
                return body
            except self.s3.exceptions.NoSuchKey:
                assert time.monotonic() < until, f"{uri} does not come"
                time.sleep(0.1)


@pytest.fixture(scope="module")
def place(platform: Platform) -> Async:
    s3, sagemaker = platform.boto3("s3"), platform.boto3("sagemaker")
    bucket = fresh("bucket")
    s3.create_bucket(Bucket=bucket)
    output = {"S3OutputPath": f"s3://{bucket}/out", "S3FailurePath": f"s3://{bucket}/failed/"}
    model = create_model(sagemaker, {"OPTION_MODEL_ID": MODEL})
    config = {"AsyncInferenceConfig": {"OutputConfig": output}}
    endpoint = create_endpoint(sagemaker, {"ModelName": model}, **config)
    described = sagemaker.describe_endpoint(EndpointName=endpoint)
    assert described["AsyncInferenceConfig"]["OutputConfig"] == output
    return Async(platform.boto3("sagemaker-runtime"), s3, bucket, endpoint)


def test_an_answer_comes_as_an_object(place: Async) -> None:
    asked = place.ask(json.dumps({"inputs": PROMPT}).encode(), InferenceId="mine")
    assert asked["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert asked["InferenceId"] == "mine"
    assert asked["OutputLocation"].startswith(f"s3://{place.bucket}/out/")
    told = json.loads(place.read(asked["OutputLocation"]))
    assert told == {"generated_text": "The bridge of Alder is made of oak."}


def test_a_refusal_comes_as_an_object_of_its_own(place: Async) -> None:
    asked = place.ask(b'{"inputs": ""}')
    told = json.loads(place.read(asked["FailureLocation"]))
    assert told["code"] == 424
    assert "inputs" in told["error"]


def test_an_absent_input_is_told_in_the_failure(place: Async) -> None:
    asked = place.runtime.invoke_endpoint_async(
        EndpointName=place.endpoint, InputLocation=f"s3://{place.bucket}/absent.json"
    )
    assert "absent.json" in json.loads(place.read(asked["FailureLocation"]))["error"]


def test_only_an_endpoint_with_an_output_is_asked_so(platform: Platform, place: Async) -> None:
    sagemaker = platform.boto3("sagemaker")
    model = create_model(sagemaker, {"OPTION_MODEL_ID": MODEL})
    plain = create_endpoint(sagemaker, {"ModelName": model})
    with pytest.raises(ClientError, match="AsyncInferenceConfig") as raised:
        place.runtime.invoke_endpoint_async(EndpointName=plain, InputLocation="s3://any/thing")
    assert raised.value.response["Error"]["Code"] == "ValidationError"


def test_a_key_reaches_no_object_that_it_may_not_read(platform: Platform, place: Async) -> None:
    scoped = platform.keys("default", "--scope", "sagemaker-runtime:*")
    runtime = platform.boto3("sagemaker-runtime", scoped)
    with pytest.raises(ClientError) as raised:
        runtime.invoke_endpoint_async(
            EndpointName=place.endpoint, InputLocation=f"s3://{place.bucket}/in/any.json"
        )
    assert "AccessDenied" in raised.value.response["Error"]["Code"]
