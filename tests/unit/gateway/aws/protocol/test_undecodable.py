"""Bytes that are no UTF-8 are refused wherever a name may stand: replaced, two would become one."""

import pytest

from gateway.aws.errors import wire_error
from gateway.aws.protocol.failures import SerializationFailed
from gateway.aws.protocol.parse import parse
from gateway.aws.protocol.route import has_form, route
from gateway.aws.request import AwsRequest, InvalidUri
from tests.unit.gateway.aws.samples import stream

_BAD = ["%ff", "%fe", "%ED%A0%80", "%C3", "%c0%80", "a%80b", "\xff"]
bad = pytest.mark.parametrize("text", _BAD)


def _request(method: str, path: str, query: str, service: str) -> AwsRequest:
    credential = f"AWS4-HMAC-SHA256 Credential=AK/20260101/us-east-1/{service}/aws4_request, x"
    return AwsRequest(method, "http", path, query, (("authorization", credential),), stream())


def _read(request: AwsRequest) -> None:
    parse(route(request), request, b"{}")


@bad
@pytest.mark.parametrize(
    ("method", "path", "query", "service", "code"),
    [
        ("PUT", "/bucket/col-{}", "", "s3", "InvalidURI"),
        ("GET", "/buck{}et/k", "", "s3", "InvalidURI"),
        ("GET", "/bucket", "prefix={}", "s3", "InvalidURI"),
        ("GET", "/bucket", "list-type=2&continuation-token={}", "s3", "InvalidURI"),
        ("GET", "/bucket/k", "version{}Id=1", "s3", "InvalidURI"),
        ("GET", "/knowledgebases/AB{}", "", "bedrock", "ValidationException"),
        ("GET", "/knowledgebases/ABCDEFGHIJ", "a={}", "bedrock", "ValidationException"),
    ],
)
def test_in_a_path_or_a_query(
    method: str, path: str, query: str, service: str, code: str, text: str
) -> None:
    request = _request(method, path.format(text), query.format(text), service)
    with pytest.raises(InvalidUri) as failure:
        _read(request)
    protocol = "rest-xml" if service == "s3" else "rest-json"
    described = wire_error(failure.value, protocol, None)
    assert (described.code, described.status) == (code, 400)


@bad
def test_in_a_form(text: str) -> None:
    headers = (("content-type", "application/x-www-form-urlencoded"),)
    request = AwsRequest("POST", "http", "/", "", headers, stream())
    assert has_form(request)
    body = f"Action=AssumeRole&RoleSessionName={text}".encode("latin-1")
    with pytest.raises(SerializationFailed):
        parse(route(request, body), request, body)


def test_what_is_utf_8_is_read() -> None:
    request = _request("GET", "/b/%C3%A9%f0%9f%a6%80%25ff", "prefix=%EF%BF%BD+%2B", "s3")
    assert parse(route(request), request, b"")["Key"] == "é🦀%ff"
    assert request.query == (("prefix", "\ufffd +"),)
