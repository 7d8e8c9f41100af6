"""Every operation of every model: what botocore's serializer writes, our parser reads back."""

import pytest

from gateway.aws.protocol.failures import SerializationFailed
from gateway.aws.protocol.models import OperationSpec
from gateway.aws.protocol.parse import parse
from gateway.aws.protocol.route import RoutedOperation, has_form, route
from gateway.aws.request import AwsRequest
from kit.errors import Unsupported
from tests.unit.gateway.aws.samples import SPECS, sample, stream, to_request

# The same request on the wire as an older operation, which S3 answers under its newer name.
_RENAMED = {
    "GetBucketLifecycle": "GetBucketLifecycleConfiguration",
    "PutBucketLifecycle": "PutBucketLifecycleConfiguration",
    "GetBucketNotification": "GetBucketNotificationConfiguration",
    "PutBucketNotification": "PutBucketNotificationConfiguration",
    "ListDirectoryBuckets": "ListBuckets",
}
_EVENTS_IN = "InvokeModelWithBidirectionalStream"


def _routed(spec: OperationSpec, seed: int) -> tuple[RoutedOperation, AwsRequest, bytes, object]:
    parameters = sample(spec.input, seed=seed) if spec.input is not None else {}
    if spec.id.service == "bedrock-agent-runtime" and "resourceArn" in parameters:
        parameters["resourceArn"] = "arn:aws:bedrock:us-east-1:123456789012:session/a"
    request, body = to_request(spec, parameters)
    return route(request, body if has_form(request) else b""), request, body, parameters


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_request_that_botocore_writes_is_routed_and_read_back(seed: int) -> None:
    checked = 0
    for spec in SPECS:
        if spec.id.name == _EVENTS_IN:
            continue
        routed, request, body, parameters = _routed(spec, seed)
        expected = _RENAMED.get(spec.id.name, spec.id.name)
        assert (routed.service, routed.name) == (spec.id.service, expected)
        if expected == spec.id.name:
            assert parse(routed, request, body) == parameters, str(spec.id)
            checked += 1
    assert checked > 780


def test_events_from_the_client_are_refused_by_name() -> None:
    (spec,) = [spec for spec in SPECS if spec.id.name == _EVENTS_IN]
    request, _ = to_request(spec, {"modelId": "m", "body": {}})
    with pytest.raises(Unsupported, match="HTTP/2"):
        parse(route(request), request, stream())


def _request_of(service: str, name: str, parameters: dict[str, object]) -> AwsRequest:
    (spec,) = [spec for spec in SPECS if (spec.id.service, spec.id.name) == (service, name)]
    return to_request(spec, parameters)[0]


_RETRIEVE = {"knowledgeBaseId": "KB", "retrievalQuery": {"text": "q"}}
_DELETE = {"Bucket": "b", "Delete": {"Objects": [{"Key": "k"}]}}


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'"text"', b"\xff", b'{"a":' * 3000, b"[" * 100_000, b"{'a': 1}"]
)
def test_a_body_that_is_no_json_object_is_a_serialization_error(body: bytes) -> None:
    request = _request_of("bedrock-agent-runtime", "Retrieve", _RETRIEVE)
    with pytest.raises(SerializationFailed):
        parse(route(request), request, body)


def test_unknown_members_and_nulls_are_dropped() -> None:
    request = _request_of("bedrock-agent-runtime", "Retrieve", _RETRIEVE)
    body = b'{"retrievalQuery": {"text": "q", "new": 1}, "nextToken": null, "more": {}}'
    assert parse(route(request), request, body) == _RETRIEVE


@pytest.mark.parametrize(
    "body",
    [
        b"<Delete><Object>",
        b"not xml",
        b"<Other/>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><Delete>&b;</Delete>',
        b"<Delete>" + b"<a>" * 200 + b"</a>" * 200 + b"</Delete>",
        b"<Delete>&undefined;</Delete>",
    ],
)
def test_xml_that_is_broken_or_dangerous_is_refused(body: bytes) -> None:
    request = _request_of("s3", "DeleteObjects", _DELETE)
    with pytest.raises(SerializationFailed):
        parse(route(request), request, body)


async def test_a_streaming_body_is_handed_on_unread() -> None:
    request = _request_of("s3", "PutObject", {"Bucket": "b", "Key": "k"})
    body = stream(b"a", b"b")
    parameters = parse(route(request), request, body)
    assert parameters["Body"] is body
    assert [part async for part in parameters["Body"]] == [b"a", b"b"]
