"""Whatever is sent to an endpoint is answered, or refused as its container would: never a 5xx."""

from typing import Any

import orjson
import pytest
from botocore.exceptions import ClientError, EventStreamError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.platform import Platform
from tests.wire.sagemaker_support import MODEL, create_endpoint, create_model

pytest_plugins = ("tests.wire.sagemaker_fixtures",)

_NAMES = st.sampled_from(
    ["inputs", "parameters", "adapters", "stream", "messages", "prompt", "role", "content", "n"]
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4),
    max_leaves=10,
)
_BODIES = st.dictionaries(_NAMES, _VALUES, max_size=5).map(orjson.dumps) | st.binary(max_size=40)


@pytest.fixture(scope="module")
def endpoint(platform: Platform) -> str:
    sagemaker = platform.boto3("sagemaker")
    model = create_model(sagemaker, {"OPTION_MODEL_ID": MODEL})
    return create_endpoint(sagemaker, {"ModelName": model})


@settings(max_examples=60)
@given(body=_BODIES)
def test_no_body_breaks_an_endpoint(runtime: Any, endpoint: str, body: bytes) -> None:
    try:
        runtime.invoke_endpoint(EndpointName=endpoint, Body=body)["Body"].read()
    except ClientError as refused:
        if refused.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
            raise


@settings(max_examples=40)
@given(body=_BODIES)
def test_no_body_breaks_a_stream(runtime: Any, endpoint: str, body: bytes) -> None:
    try:
        answered = runtime.invoke_endpoint_with_response_stream(EndpointName=endpoint, Body=body)
        for _ in answered["Body"]:
            pass
    except EventStreamError as broken:
        pytest.fail(f"{body!r} broke off: {broken}")
    except ClientError as refused:
        if refused.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
            raise
