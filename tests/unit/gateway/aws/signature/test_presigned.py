"""URLs that a real boto3 client presigns, with V2 (its default in us-east-1) and V4."""

import hashlib
import time
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

import boto3
import pytest
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st

from gateway.aws.request import AwsRequest
from tests.unit.gateway.aws.signature.signing import (
    ALICE,
    KEY,
    SECRET,
    authenticate,
    code_of,
    signed,
    stream,
)


def client(version: str | None) -> Any:
    return boto3.client(
        "s3",
        endpoint_url="http://127.0.0.1:8000",
        region_name="us-east-1",
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        config=Config(signature_version=version),
    )


CLIENTS = {"default": client(None), "v2": client("s3-query"), "v4": client("s3v4")}
clients = pytest.mark.parametrize("version", CLIENTS)
keys = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30)


def visit(
    url: str, method: str = "GET", headers: dict[str, str] | None = None, body: bytes = b""
) -> AwsRequest:
    parts = urlsplit(url)
    sent = {"host": parts.netloc, **(headers or {})}
    return AwsRequest(
        method, parts.scheme, parts.path, parts.query, tuple(sent.items()), stream(body)
    )


def url_for(version: str, operation: str, expires: int = 3600, **params: Any) -> str:
    url: str = CLIENTS[version].generate_presigned_url(operation, params, ExpiresIn=expires)
    return url


def test_boto3_presigns_with_v2_by_default() -> None:
    assert "AWSAccessKeyId=" in url_for("default", "get_object", Bucket="b", Key="k")


@given(version=st.sampled_from(sorted(CLIENTS)), key=keys)
def test_a_presigned_download_of_any_key_is_let_in(version: str, key: str) -> None:
    url = url_for(version, "get_object", Bucket="docs", Key=key)
    result, _ = authenticate(visit(url), "s3", now=time.time())
    assert result.principal == ALICE


@clients
@pytest.mark.parametrize(
    ("operation", "method", "params"),
    [
        ("get_object", "GET", {"Key": "k", "VersionId": "a+/b=", "ResponseContentType": "a/b c"}),
        ("get_object", "GET", {"Key": "k", "ResponseContentDisposition": 'inline; filename="é"'}),
        ("put_object", "PUT", {"Key": "k", "ContentType": "text/plain", "Metadata": {"a": "b"}}),
        ("put_object", "PUT", {"Key": "k", "ContentMD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}),
        ("delete_object", "DELETE", {"Key": "k"}),
        ("list_objects_v2", "GET", {"Prefix": "a b/", "Delimiter": "/"}),
        ("upload_part", "PUT", {"Key": "k", "UploadId": "u", "PartNumber": 3}),
        ("create_multipart_upload", "POST", {"Key": "k"}),
        ("get_object_tagging", "GET", {"Key": "k"}),
        ("list_buckets", "GET", {}),
    ],
)
def test_every_presigned_operation_is_let_in(
    version: str, operation: str, method: str, params: dict[str, Any]
) -> None:
    bucket = {} if operation == "list_buckets" else {"Bucket": "docs"}
    url = url_for(version, operation, **bucket, **params)
    headers = {}
    if version == "v4":  # what a V4 URL signs as headers, its client must send
        headers = {
            "content-type": params.get("ContentType", ""),
            "content-md5": params.get("ContentMD5", ""),
            **{f"x-amz-meta-{k}": v for k, v in params.get("Metadata", {}).items()},
        }
    headers = {name: value for name, value in headers.items() if value}
    request = visit(url, method, headers, b"body")
    result, body = authenticate(request, "s3", now=time.time())
    assert (result.principal, body) == (ALICE, b"body")


@clients
def test_a_url_for_one_thing_opens_nothing_else(version: str) -> None:
    url = url_for(version, "get_object", Bucket="docs", Key="a", VersionId="1")
    request = visit(url)
    query = request.raw_query
    others = {
        "another key": replace(request, raw_path="/docs/b"),
        "another bucket": replace(request, raw_path="/docz/a"),
        "another method": replace(request, method="DELETE"),
        "another version": replace(request, raw_query=query.replace("versionId=1", "versionId=2")),
        "no version": replace(request, raw_query=query.replace("versionId=1&", "")),
        "its tags": replace(request, raw_query=query + "&tagging"),
        "its retention": replace(request, raw_query=query + "&retention"),
        "its attributes": replace(request, raw_query=query + "&attributes="),
        "a copy over it": replace(
            request, headers=(*request.headers, ("x-amz-copy-source", "/docs/secret"))
        ),
        "longer": replace(request, raw_query=query.replace("Expires=", "Expires=9")),
    }
    for what, other in others.items():
        code = code_of(lambda other=other: authenticate(other, "s3", now=time.time()))
        expected = ("SignatureDoesNotMatch", "AccessDenied", "AuthorizationQueryParametersError")
        assert code in expected, what


def test_a_v2_header_that_moved_into_the_query_cannot_be_doubled() -> None:
    url = url_for("v2", "put_object", Bucket="docs", Key="a", Metadata={"owner": "alice"})
    now = time.time()
    authenticate(visit(url, "PUT", {"x-amz-meta-owner": "alice"}), "s3", now=now)
    for other in (
        visit(url, "PUT", {"x-amz-meta-owner": "bob"}),
        visit(url + "&x-amz-meta-owner=alice", "PUT"),
        visit(url + "&x-amz-meta-rank=1", "PUT"),
    ):
        code = code_of(lambda other=other: authenticate(other, "s3", now=now))
        assert code in ("AccessDenied", "SignatureDoesNotMatch")


def test_a_v2_content_type_is_held_to() -> None:
    url = url_for("v2", "put_object", Bucket="docs", Key="a", ContentType="text/plain")
    other = visit(url, "PUT", {"content-type": "text/html"})
    assert code_of(lambda: authenticate(other, "s3", now=time.time())) == "SignatureDoesNotMatch"


@clients
def test_an_expired_url_is_refused(version: str) -> None:
    url = url_for(version, "get_object", expires=60, Bucket="docs", Key="a")
    authenticate(visit(url), "s3", now=time.time() + 58)
    code = code_of(lambda: authenticate(visit(url), "s3", now=time.time() + 62))
    assert code == "AccessDenied"


@pytest.mark.parametrize(
    "query",
    [
        f"AWSAccessKeyId={KEY}",
        f"AWSAccessKeyId={KEY}&Signature=a&Expires=soon",
        f"AWSAccessKeyId={KEY}&Signature=a&Expires=1&Expires=99999999999",
        f"AWSAccessKeyId={KEY}&Signature=a&Signature=b&Expires=99999999999",
    ],
)
def test_a_malformed_v2_query_is_refused(query: str) -> None:
    request = visit(f"http://127.0.0.1:8000/docs/a?{query}")
    assert code_of(lambda: authenticate(request, "s3")) == "InvalidArgument"


def test_v2_opens_no_service_but_s3() -> None:
    url = url_for("v2", "get_object", Bucket="docs", Key=quote("a"))
    code = code_of(lambda: authenticate(visit(url), "bedrock", now=time.time()))
    assert code == "MissingAuthenticationTokenException"


def test_a_body_hash_in_a_presigned_query_is_held_to() -> None:
    digest = hashlib.sha256(b"body").hexdigest()
    for stated, body, code in (
        (digest, b"body", ""),
        (digest, b"other", "XAmzContentSHA256Mismatch"),
        ("UNSIGNED-PAYLOAD", b"any", ""),
    ):
        url = f"http://127.0.0.1:8000/docs/a?X-Amz-Content-Sha256={stated}"
        request = signed("query", "s3", method="PUT", url=url, body=body, payload=stated)
        if code:
            assert code_of(lambda request=request: authenticate(request, "s3")) == code
        else:
            assert authenticate(request, "s3")[1] == body
