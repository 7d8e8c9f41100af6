"""A platform in front of a model server that does as it is told, for tests of Bedrock's runtime."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.openai_double import Double, double_in_a_thread
from tests.support.platform import Platform, running_platform

HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
METRICS = "amazon-bedrock-invocationMetrics"


@dataclass(frozen=True)
class Scripted:
    """`runtime` is boto3's bedrock-runtime; `double` the server behind the platform."""

    platform: Platform
    double: Double
    runtime: Any

    def invoke(self, model: str, **body: Any) -> dict[str, Any]:
        answered = self.runtime.invoke_model(modelId=model, body=json.dumps(body))
        found: dict[str, Any] = json.loads(answered["body"].read())
        return found

    def stream(self, model: str, **body: Any) -> Iterator[dict[str, Any]]:
        answered = self.runtime.invoke_model_with_response_stream(
            modelId=model, body=json.dumps(body)
        )
        for event in answered["body"]:
            yield json.loads(event["chunk"]["bytes"])

    def converse(self, told: str, **more: Any) -> dict[str, Any]:
        answered: dict[str, Any] = self.runtime.converse(
            modelId=HAIKU, messages=[{"role": "user", "content": [{"text": told}]}], **more
        )
        return answered

    def converse_stream(self, told: str, **more: Any) -> Iterator[dict[str, Any]]:
        answered = self.runtime.converse_stream(
            modelId=HAIKU, messages=[{"role": "user", "content": [{"text": told}]}], **more
        )
        yield from answered["stream"]


@contextmanager
def scripted_platform(data: Path) -> Iterator[Scripted]:
    with double_in_a_thread() as double:
        env = {
            "GENERATION_OPENAI_BASE_URL": double.url,
            "GENERATION_OPENAI_MODEL": "scripted",
            "GENERATION_SILENCE_SECONDS": "1",
            "GENERATION_REQUEST_SECONDS": "5",
        }
        with running_platform(data, env=env) as platform:
            yield Scripted(platform, double, platform.boto3("bedrock-runtime"))


def claude(told: str, **more: Any) -> dict[str, Any]:
    return {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": told}],
        **more,
    }


def message_of(raised: pytest.ExceptionInfo[ClientError], status: int) -> str:
    response = raised.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status
    return str(response["Error"]["Message"])
