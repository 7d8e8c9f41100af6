"""How endpoints fail when their model does: the container's words before, modelled ones within."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.exceptions import ClientError, EventStreamError

from tests.wire.bedrock_models import Scripted, scripted_platform
from tests.wire.sagemaker_support import create_endpoint, create_model, invoke


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scripted]:
    with scripted_platform(tmp_path_factory.mktemp("scripted")) as running:
        yield running


@pytest.fixture(scope="module")
def runtime(scripted: Scripted) -> Any:
    return scripted.platform.boto3("sagemaker-runtime")


@pytest.fixture(scope="module")
def endpoint(scripted: Scripted) -> str:
    sagemaker = scripted.platform.boto3("sagemaker")
    model = create_model(sagemaker, {"OPTION_MODEL_ID": "scripted"})
    return create_endpoint(sagemaker, {"ModelName": model})


@pytest.mark.parametrize("behaviour", ["status-400", "status-500", "too-long", "hangs"])
def test_a_failure_is_the_containers(runtime: Any, endpoint: str, behaviour: str) -> None:
    with pytest.raises(runtime.exceptions.ModelError) as raised:
        invoke(runtime, endpoint, {"inputs": f"[[{behaviour}]]"})
    response = raised.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert json.loads(response["OriginalMessage"])["code"] == 424
    if behaviour == "too-long":
        assert "64" in response["OriginalMessage"]
        assert "80" in response["OriginalMessage"]


def test_a_model_that_is_away_says_when_to_come_back(runtime: Any, endpoint: str) -> None:
    with pytest.raises(ClientError) as raised:
        invoke(runtime, endpoint, {"inputs": "[[status-503]]"})
    response = raised.value.response
    assert response["Error"]["Code"] in ("ServiceUnavailable", "ModelNotReadyException")
    assert int(response["ResponseMetadata"]["HTTPHeaders"]["retry-after"]) > 0


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        ("cut", "StreamBroken"),
        ("breaks-with-error", "StreamBroken"),
        ("stalls", "ModelInvocationTimeExceeded"),
    ],
)
def test_a_stream_that_breaks_says_how_to_clients_that_read_its_code(
    runtime: Any, endpoint: str, behaviour: str, code: str
) -> None:
    """boto3 keeps a failure's message only; SDKs of other languages have all of its members."""
    answered = runtime.invoke_endpoint_with_response_stream(
        EndpointName=endpoint, Body=json.dumps({"inputs": f"[[{behaviour}]]"})
    )
    frames = EventStreamBuffer()
    frames.add_data(b"".join(answered["Body"]._raw_stream.stream()))
    *_, last = frames
    assert last.headers[":exception-type"] == "ModelStreamError"
    assert json.loads(last.payload)["ErrorCode"] == code


@pytest.mark.parametrize("behaviour", ["cut", "breaks-with-error"])
def test_a_stream_that_breaks_ends_with_the_modelled_error(
    runtime: Any, endpoint: str, behaviour: str
) -> None:
    answered = runtime.invoke_endpoint_with_response_stream(
        EndpointName=endpoint, Body=json.dumps({"inputs": f"[[{behaviour}]]"})
    )
    lines: list[Any] = []
    with pytest.raises(EventStreamError) as raised:
        lines.extend(json.loads(event["PayloadPart"]["Bytes"]) for event in answered["Body"])
    assert raised.value.response["Error"]["Code"] == "ModelStreamError"
    assert "".join(line["token"]["text"] for line in lines) == "Half "
