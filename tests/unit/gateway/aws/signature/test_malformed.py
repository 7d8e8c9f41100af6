"""What is malformed, contradictory or missing is refused by AWS's name for it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import PlatformError
from tests.unit.gateway.aws.signature.signing import (
    ALICE,
    altered,
    authenticate,
    code_of,
    signed,
    stream,
)

LEFT = {
    "s3": ("AccessDenied", "AuthorizationHeaderMalformed", "InvalidArgument", "InvalidToken"),
    "bedrock": (
        "MissingAuthenticationTokenException",
        "IncompleteSignatureException",
        "IncompleteSignatureException",
        "UnrecognizedClientException",
    ),
}
services = pytest.mark.parametrize("service", ["s3", "bedrock"])


@services
def test_an_unsigned_request_is_refused(service: str) -> None:
    request = altered(signed("header", service), "authorization", None)
    assert code_of(lambda: authenticate(request, service)) == LEFT[service][0]


@services
@pytest.mark.parametrize(
    "header",
    [
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=a/b",
        "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, Signature=" + "0" * 64,
        "AWS4-HMAC-SHA256 Credential=k/20260101/r/s/aws4_request, SignedHeaders=x, Signature=0",
        "AWS4-ECDSA-P256-SHA256 Credential=k/20260101/s/aws4_request, Signature=0",
        "AWS AKIA:signature",
        "Basic YTpi",
        "Digest",
    ],
)
def test_a_malformed_header_is_named_so(service: str, header: str) -> None:
    request = altered(signed("header", service), "authorization", header)
    assert code_of(lambda: authenticate(request, service)) == LEFT[service][1]


@services
@pytest.mark.parametrize("gone", ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders"])
def test_a_presigned_query_needs_all_its_parts(service: str, gone: str) -> None:
    request = signed("query", service)
    code = "AuthorizationQueryParametersError" if service == "s3" else LEFT[service][1]
    for query in (
        request.raw_query.replace(f"X-Amz-{gone}=", "X-Amz-Other="),
        request.raw_query + f"&X-Amz-{gone}=1",
        request.raw_query.replace("X-Amz-Signature=", "moX-Amz-Signature="),
    ):
        other = replace(request, raw_query=query)
        assert code_of(lambda other=other: authenticate(other, service)) == code


@services
def test_two_credentials_in_one_request_are_refused(service: str) -> None:
    header = signed("header", service).header("authorization")
    request = altered(signed("query", service), "authorization", header)
    assert code_of(lambda: authenticate(request, service)) == LEFT[service][2]


@services
def test_a_session_token_is_refused_for_none_is_issued(service: str) -> None:
    request = signed("header", service, headers={"x-amz-security-token": "FwoG"})
    assert code_of(lambda: authenticate(request, service)) == LEFT[service][3]


@services
def test_a_signature_without_the_host_is_refused(service: str) -> None:
    request = signed("header", service)
    header = request.header("authorization").replace("host;", "")
    request = altered(request, "authorization", header)
    assert code_of(lambda: authenticate(request, service)) == LEFT[service][1]


def test_a_key_scoped_to_one_service_does_not_open_another() -> None:
    request = signed("header", "bedrock")
    assert code_of(lambda: authenticate(request, "s3")) == "AuthorizationHeaderMalformed"
    request = signed("header", "s3")
    assert code_of(lambda: authenticate(request, "sagemaker")) == "IncompleteSignatureException"


def test_the_scopes_date_must_be_the_requests() -> None:
    request = altered(signed("header", "s3"), "x-amz-date", "20200101T000000Z")
    assert code_of(lambda: authenticate(request, "s3")) == "AuthorizationHeaderMalformed"


def test_s3_needs_to_know_the_hash_of_the_body() -> None:
    request = altered(signed("header", "s3"), "x-amz-content-sha256", None)
    assert code_of(lambda: authenticate(request, "s3")) == "InvalidRequest"


@pytest.mark.parametrize(
    "value",
    ["STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-EVENTS", "abc", "é"],
)
def test_an_unknown_form_of_body_is_refused_by_name(value: str) -> None:
    request = altered(signed("header", "s3"), "x-amz-content-sha256", value)
    assert code_of(lambda: authenticate(request, "s3")) == "InvalidArgument"


def test_an_unsigned_body_needs_https_or_loopback() -> None:
    request = signed("header", "s3", method="PUT", headers={})
    request = altered(request, "x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    far = replace(request, client="10.1.2.3")
    assert code_of(lambda: authenticate(far, "s3")) == "AccessDenied"
    # Past that rule the signature, which is over another hash, is what fails.
    for near in (replace(request, client="127.0.0.1"), replace(far, scheme="https")):
        assert code_of(lambda near=near: authenticate(near, "s3")) == "SignatureDoesNotMatch"
    code = code_of(lambda: authenticate(far, "s3", allow_unsigned_over_http=True))
    assert code == "SignatureDoesNotMatch"


def test_an_unsigned_body_is_for_s3_only() -> None:
    request = signed("header", "bedrock")
    request = altered(request, "x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    assert code_of(lambda: authenticate(request, "bedrock")) != ""


def test_a_body_over_the_bound_is_not_kept_in_memory() -> None:
    request = signed("header", "bedrock", method="POST", body=b"x" * 100)
    _, body = authenticate(request, "bedrock", most_buffered=100)
    assert len(body) == 100
    request = replace(request, body=stream(b"x" * 60, b"x" * 60))
    code = code_of(lambda: authenticate(request, "bedrock", most_buffered=100))
    assert code == "RequestEntityTooLargeException"


def test_a_repeated_header_is_folded_as_signed() -> None:
    request = signed("header", "s3", headers={"x-amz-meta-tag": "a,b"})
    request = altered(request, "x-amz-meta-tag", None)
    twice = (("x-amz-meta-tag", " a"), ("x-amz-meta-tag", "b "))
    result, _ = authenticate(replace(request, headers=request.headers + twice), "s3")
    assert result.principal == ALICE


@given(
    text=st.text(st.characters(codec="latin-1")),
    query=st.text(st.characters(codec="ascii")),
    service=st.sampled_from(["s3", "bedrock", "sts"]),
)
def test_no_garbage_crashes_the_door(text: str, query: str, service: str) -> None:
    for start in ("", "AWS4-HMAC-SHA256 ", "Bearer ", "Bearer bedrock-api-key-"):
        request = altered(signed("header", service), "authorization", start + text)
        for raw_query in ("", query, "X-Amz-Signature=" + query, "AWSAccessKeyId=" + query):
            case = replace(request, raw_query=raw_query)
            with pytest.raises(PlatformError):
                authenticate(case, service)
            with pytest.raises(PlatformError):
                authenticate(altered(case, "authorization", None), service)
