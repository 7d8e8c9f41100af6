"""Requests that no client should send: each is refused with AWS's code, and none is a failure."""

import datetime
import json
import socket
from collections.abc import Callable, Mapping
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import botocore.auth
import httpx
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.support.platform import Platform
from tests.wire.knowledge import unique

AGENT = "/knowledgebases/"


def signed(
    platform: Platform,
    method: str,
    path: str,
    body: bytes = b"",
    *,
    service: str = "bedrock",
    secret: str = "",
    headers: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The headers of a signed request."""
    request = AWSRequest(method, platform.url + path, data=body, headers=dict(headers or {}))
    pair = Credentials(platform.owner.access_key_id, secret or platform.owner.secret_access_key)
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(pair, service, "us-east-1").add_auth(request)
    return {name: str(value) for name, value in request.headers.items()}


def refused(answer: httpx.Response, code: str, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers.get("x-amzn-requestid") or answer.headers.get("x-amz-request-id")
    if answer.text.startswith("<"):
        assert f"<Code>{code}</Code>" in answer.text
        return answer.text
    told = answer.headers.get("x-amzn-errortype") or answer.json().get("__type", "")
    assert told.rpartition("#")[2] == code
    return answer.text


@pytest.fixture(scope="module")
def bucket(platform: Platform) -> str:
    name = unique("bad")
    platform.boto3("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def send(platform: Platform) -> Callable[..., httpx.Response]:
    def send(method: str, path: str, body: bytes = b"", **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.request(method, platform.url + path, content=body, headers=named)

    return send


def test_an_unsigned_request_is_refused(send: Callable[..., httpx.Response]) -> None:
    refused(send("POST", AGENT, b"{}"), "MissingAuthenticationTokenException", 403)
    refused(send("GET", "/some-bucket/key"), "AccessDenied", 403)


def test_a_wrong_secret_is_refused(platform: Platform, send: Callable[..., httpx.Response]) -> None:
    headers = signed(platform, "POST", AGENT, b"{}", secret="wrong")
    refused(send("POST", AGENT, b"{}", **headers), "InvalidSignatureException", 403)
    headers = signed(platform, "GET", "/b/k", service="s3", secret="wrong")
    refused(send("GET", "/b/k", **headers), "SignatureDoesNotMatch", 403)


def test_an_unknown_key_is_refused(platform: Platform, send: Callable[..., httpx.Response]) -> None:
    known = platform.owner.access_key_id
    for service, path, code in (
        ("bedrock", AGENT, "UnrecognizedClientException"),
        ("s3", "/b/k?uploads=", "InvalidAccessKeyId"),
    ):
        headers = signed(platform, "POST", path, service=service)
        headers["Authorization"] = headers["Authorization"].replace(known, known[:-4] + "ZZZZ")
        refused(send("POST", path, **headers), code, 403)


def test_an_altered_request_is_refused(
    platform: Platform, send: Callable[..., httpx.Response], bucket: str
) -> None:
    headers = signed(platform, "POST", AGENT, b'{"maxResults": 1}')
    refused(send("POST", AGENT, b'{"maxResults": 9}', **headers), "InvalidSignatureException", 403)
    headers = signed(platform, "GET", AGENT + "ABSENT0000")
    refused(send("GET", AGENT + "OTHER00000", **headers), "InvalidSignatureException", 403)
    path = f"/{bucket}/k"
    headers = signed(platform, "PUT", path, b"one", service="s3")
    refused(send("PUT", path, b"two", **headers), "XAmzContentSHA256Mismatch", 400)


def test_a_skewed_clock_is_refused(platform: Platform, send: Callable[..., httpx.Response]) -> None:
    past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    with patch.object(botocore.auth, "get_current_datetime", lambda: past):
        agent = signed(platform, "POST", AGENT, b"{}")
        s3 = signed(platform, "GET", "/b/k", service="s3")
    refused(send("POST", AGENT, b"{}", **agent), "InvalidSignatureException", 403)
    refused(send("GET", "/b/k", **s3), "RequestTimeTooSkewed", 403)


def test_an_unknown_operation_is_typed_and_named(platform: Platform) -> None:
    for service, method, members, name in (
        ("bedrock-agent", "list_agents", {}, "ListAgents"),
        ("bedrock-agent", "list_flows", {}, "ListFlows"),
        ("bedrock", "list_guardrails", {}, "ListGuardrails"),
        ("sts", "get_session_token", {}, "GetSessionToken"),
        ("s3", "list_bucket_metrics_configurations", {"Bucket": "b-c-d"}, "ListBucketMetrics"),
    ):
        client = platform.boto3(service)
        with pytest.raises(client.exceptions.ClientError, match=name) as raised:
            getattr(client, method)(**members)
        code = raised.value.response["Error"]["Code"]
        assert code in ("UnknownOperationException", "NotImplemented")


def test_a_path_of_nobody_is_told(platform: Platform, send: Callable[..., httpx.Response]) -> None:
    headers = signed(platform, "POST", "/no/such/path", b"{}")
    refused(send("POST", "/no/such/path", b"{}", **headers), "UnknownOperationException", 404)


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"\xff\xfe", b'{"name": 3}', b"nul", b'{"a":' * 2000 + b"1" + b"}" * 2000]
)
def test_malformed_json_is_refused(
    platform: Platform, send: Callable[..., httpx.Response], body: bytes
) -> None:
    headers = signed(platform, "PUT", AGENT, body, headers={"content-type": "application/json"})
    answer = send("PUT", AGENT, body, **headers)
    assert answer.status_code == 400
    told = answer.headers["x-amzn-errortype"]
    assert told in ("SerializationException", "ValidationException")
    assert json.loads(answer.text)["message"]


BOMB = (
    b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    b"<Delete><Object><Key>&b;</Key></Object></Delete>"
)


@pytest.mark.parametrize("body", [b"<Delete>", b"not xml", b"", BOMB])
def test_malformed_xml_is_refused(
    platform: Platform, send: Callable[..., httpx.Response], bucket: str, body: bytes
) -> None:
    path = f"/{bucket}?delete="
    headers = signed(platform, "POST", path, body, service="s3")
    answer = send("POST", path, body, **headers)
    assert answer.status_code == 400
    assert "<Code>MalformedXML</Code>" in answer.text or not body


def test_a_wrong_checksum_stores_nothing(
    platform: Platform, send: Callable[..., httpx.Response], bucket: str
) -> None:
    path = f"/{bucket}/unsound"
    for name, value in (
        ("x-amz-checksum-crc32", "AAAAAA=="),
        ("x-amz-checksum-sha256", "A" * 43 + "="),
        ("content-md5", "AAAAAAAAAAAAAAAAAAAAAA=="),
    ):
        headers = signed(platform, "PUT", path, b"hello", service="s3", headers={name: value})
        refused(send("PUT", path, b"hello", **headers), "BadDigest", 400)
    listed = platform.boto3("s3").list_objects_v2(Bucket=bucket, Prefix="unsound")
    assert listed["KeyCount"] == 0


def exchange(platform: Platform, head: bytes) -> bytes:
    """What the server answers before any of the body is sent."""
    where: Any = urlsplit(platform.url)
    with socket.create_connection((where.hostname, where.port), timeout=10) as wire:
        wire.sendall(head)
        return wire.recv(65_536)


@pytest.mark.parametrize(
    "path", ["/knowledgebases/", "/v1/embeddings", "/api/v1/search/embeddings"]
)
def test_a_body_over_the_limit_is_refused_before_it_is_read(platform: Platform, path: str) -> None:
    size = str(10**9)
    headers = {"authorization": f"Bearer {platform.owner.bearer}"}
    if path == AGENT:
        headers = signed(platform, "PUT", path)
    lines = [f"{name}: {value}" for name, value in headers.items()]
    method = "PUT" if path == AGENT else "POST"
    head = [f"{method} {path} HTTP/1.1", "host: x", f"content-length: {size}", *lines, "", ""]
    answer = exchange(platform, "\r\n".join(head).encode())
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()


def test_odd_keys_stay_keys(platform: Platform, bucket: str) -> None:
    s3 = platform.boto3("s3")
    for key in ("../../etc/passwd", "a/../b", "//", "é/ñ 😀", "a\\b", ".", "CON", "x" * 1024):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
