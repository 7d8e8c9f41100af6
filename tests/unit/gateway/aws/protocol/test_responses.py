"""Every operation of every model: what our serializer writes, botocore's parsers read back."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.exceptions import EventStreamError
from botocore.parsers import EventStreamJSONParser

from gateway.aws.protocol import models
from gateway.aws.protocol.error_body import WireError, error_response
from gateway.aws.protocol.eventstream import EventEncoder
from gateway.aws.protocol.models import OperationSpec, payload_member
from gateway.aws.protocol.route import RoutedOperation
from gateway.aws.protocol.serialize import serialize
from gateway.response import Response, header_value
from kit.errors import RateLimited
from tests.unit.gateway.aws.samples import SPECS, from_response, sample

# Not told apart by botocore's own parser: two members with one name; a root that is only text.
_AMBIGUOUS = {"GetBucketNotification", "GetBucketLocation"}
_STREAMS = [spec for spec in SPECS if spec.event_stream and spec.id.service != "s3"]


def _describe(error: Exception) -> tuple[str, str, dict[str, Any]]:
    return "ThrottlingException", str(error), {}


def _write(spec: OperationSpec, members: dict[str, Any]) -> Response:
    protocol = models.service(spec.id.service).protocols[0]
    return serialize(RoutedOperation(spec, protocol, {}), members, "rid", _describe)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_response_is_read_back_by_botocore(seed: int) -> None:
    checked = 0
    for spec in SPECS:
        if spec.event_stream or spec.id.name in _AMBIGUOUS:
            continue
        members = sample(spec.output, seed=seed) if spec.output is not None else {}
        payload = payload_member(spec.output)
        if payload and spec.output.members[payload].type_name == "blob":
            members[payload] = "text"
        written = _write(spec, members)
        read = from_response(spec, written.status, written.headers, written.body)
        assert read.pop("ResponseMetadata")["HTTPStatusCode"] == spec.status
        assert read == members, str(spec.id)
        checked += 1
    assert checked > 770


@pytest.mark.parametrize("spec", _STREAMS, ids=lambda spec: spec.id.name)
async def test_every_event_of_every_stream_is_read_back_by_botocore(spec: OperationSpec) -> None:
    shape = spec.output.members[spec.event_stream]
    names = [name for name, member in shape.members.items() if not member.metadata.get("exception")]
    sent = [{name: sample(shape.members[name])} for name in names]

    async def events() -> AsyncIterator[dict[str, Any]]:
        for event in sent:
            yield event

    written = _write(spec, {spec.event_stream: events()})
    assert dict(written.headers)[b"content-type"] == b"application/vnd.amazon.eventstream"
    assert not isinstance(written.body, bytes)
    received = b"".join([part async for part in written.body])
    assert _parsed(received, shape) == sent


async def test_an_error_in_mid_stream_reaches_botocore_as_its_modelled_exception() -> None:
    (spec,) = [spec for spec in _STREAMS if spec.id.name == "RetrieveAndGenerateStream"]

    async def events() -> AsyncIterator[dict[str, Any]]:
        yield {"output": {"text": "so far"}}
        raise RateLimited("Too many tokens.")

    written = _write(spec, {"stream": events(), "sessionId": "s"})
    assert not isinstance(written.body, bytes)
    received = b"".join([part async for part in written.body])
    shape = spec.output.members["stream"]
    with pytest.raises(EventStreamError) as caught:
        _parsed(received, shape)
    error = caught.value.response["Error"]
    assert error == {"Code": "throttlingException", "Message": "Too many tokens."}


def test_an_error_in_mid_stream_tells_its_text_where_sagemaker_keeps_it() -> None:
    (spec,) = [s for s in _STREAMS if s.id.name == "InvokeEndpointWithResponseStream"]
    shape = spec.output.members["Body"]
    received = EventEncoder(shape).exception(
        "ModelStreamError", "It broke off.", {"ErrorCode": "StreamBroken"}
    )
    with pytest.raises(EventStreamError) as caught:
        _parsed(received, shape)
    error = caught.value.response["Error"]
    assert error == {"Code": "ModelStreamError", "Message": "It broke off."}


def test_an_error_that_the_stream_does_not_model_is_an_error_frame() -> None:
    (spec,) = [spec for spec in _STREAMS if spec.id.name == "ConverseStream"]
    shape = spec.output.members["stream"]
    received = EventEncoder(shape).exception("Odd", "why", {})
    with pytest.raises(EventStreamError, match="Odd"):
        _parsed(received, shape)


def _parsed(received: bytes, shape: Any) -> list[Any]:
    """As botocore.eventstream.EventStream does, from bytes that arrive in odd pieces."""
    buffer = EventStreamBuffer()
    for start in range(0, len(received), 7):
        buffer.add_data(received[start : start + 7])
    parsed = []
    for message in buffer:
        response = message.to_response_dict()
        event = EventStreamJSONParser().parse(response, shape)
        if response["status_code"] != 200:
            raise EventStreamError(event, "Operation")
        parsed.append(event)
    return parsed


def test_a_member_that_the_shape_lacks_is_a_bug_and_not_dropped() -> None:
    (spec,) = [spec for spec in SPECS if spec.id.name == "Retrieve"]
    with pytest.raises(KeyError, match="retrivalResults"):
        _write(spec, {"retrivalResults": []})


def test_a_bucket_location_is_the_text_of_its_root() -> None:
    (spec,) = [spec for spec in SPECS if spec.id.name == "GetBucketLocation"]
    body = _write(spec, {"LocationConstraint": "eu-west-1"}).body
    assert isinstance(body, bytes)
    assert body.endswith(b">eu-west-1</LocationConstraint>")


@pytest.mark.parametrize("service", ["sagemaker", "bedrock-agent", "s3", "sts"])
def test_an_error_is_read_back_by_botocore_with_its_code_and_members(service: str) -> None:
    protocol = models.service(service).protocols[0]
    spec = next(spec for spec in SPECS if spec.id.service == service)
    error = WireError("SomeCode", "<why> & how", 400, {"BucketName": "b&c"}, retry_after=1.2)
    written = error_response(protocol, error, "rid-1")
    read = from_response(spec, written.status, written.headers, written.body)
    assert read["Error"]["Code"] == "SomeCode"
    assert read["Error"]["Message"] == "<why> & how"
    assert dict(written.headers)[b"retry-after"] == b"2"


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("a\r\nset-cookie: x", b"a  set-cookie: x"),
        ("naïve", "naïve".encode("latin-1")),
        ("ключ", b"=?UTF-8?B?0LrQu9GO0Yc=?="),
    ],
)
def test_a_header_never_ends_its_line(text: str, sent: bytes) -> None:
    assert header_value(text) == sent
