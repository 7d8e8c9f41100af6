"""Whatever body comes, Bedrock's runtime answers it or refuses it: it never fails by itself."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.platform import Platform
from tests.unit.dialects.bedrock.payloads import FAMILIES
from tests.unit.dialects.bedrock.test_any_body import JSON, NAMES

MODELS = [family.model for name, family in FAMILIES.items() if name not in ("converse", "own")]
MODELS += ["extractive", "amazon.titan-embed-text-v2:0", "cohere.embed-english-v3"]
KNOWN = [name for family in FAMILIES.values() for name in family.body]


@pytest.fixture(scope="module")
def runtime(platform: Platform) -> Any:
    return platform.boto3("bedrock-runtime")


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    model=st.sampled_from(MODELS),
    body=st.dictionaries(st.sampled_from(KNOWN) | NAMES, JSON, max_size=4),
    is_streamed=st.booleans(),
)
def test_no_body_is_a_fault_of_the_platform(
    runtime: Any, model: str, body: dict[str, Any], is_streamed: bool
) -> None:
    ask = {"modelId": model, "body": json.dumps(body)}
    try:
        if is_streamed:
            list(runtime.invoke_model_with_response_stream(**ask)["body"])
        else:
            runtime.invoke_model(**ask)
    except ClientError as refused:
        status = refused.response["ResponseMetadata"]["HTTPStatusCode"]
        if status >= 500:
            raise


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b'"a"', b"\xff", b"{" * 5000, b'{"a":' * 900]
)
@pytest.mark.parametrize("model", [MODELS[0], "extractive", "amazon.titan-embed-text-v1"])
def test_what_is_no_object_is_refused(runtime: Any, model: str, body: bytes) -> None:
    with pytest.raises(runtime.exceptions.ValidationException, match="body"):
        runtime.invoke_model(modelId=model, body=body)
