"""The verifier agrees with botocore's signer, and with nothing that was altered after signing."""

from dataclasses import replace
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.aws.request import AwsRequest
from tests.unit.gateway.aws.signature.signing import (
    ALICE,
    KEY,
    NOW,
    OTHER_KEY,
    altered,
    authenticate,
    code_of,
    signed,
    stream,
)

SERVICES = ["s3", "bedrock", "sagemaker", "sts"]
MISMATCH = {
    "s3": "SignatureDoesNotMatch",
    "sts": "SignatureDoesNotMatch",
    "bedrock": "InvalidSignatureException",
    "sagemaker": "InvalidSignatureException",
}
words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
values = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20)
paths = st.lists(words | st.just(""), max_size=4).map(
    lambda parts: "/" + "/".join(quote(p, "~") for p in parts)
)
queries = st.lists(st.tuples(words, words), max_size=4, unique_by=lambda pair: pair[0]).map(
    lambda pairs: "&".join(f"{quote(k, '-_.~')}={quote(v, '-_.~')}" for k, v in pairs)
)


@given(
    kind=st.sampled_from(["header", "query"]),
    service=st.sampled_from(SERVICES),
    method=st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD"]),
    path=paths,
    query=queries,
    meta=st.dictionaries(st.sampled_from(["x-amz-meta-a", "x-amz-target", "content-type"]), values),
    body=st.binary(max_size=100),
)
def test_whatever_botocore_signs_is_verified(
    kind: str, service: str, method: str, path: str, query: str, meta: dict[str, str], body: bytes
) -> None:
    if kind == "query" and service != "s3":
        body = b""  # a signer of other services moves the body into the query
    url = f"http://127.0.0.1:8000{path}" + (f"?{query}" if query else "")
    request = signed(kind, service, method=method, url=url, headers=meta, body=body)
    result, read = authenticate(request, service)
    assert (result.principal, read) == (ALICE, body)


def sample(kind: str, service: str) -> AwsRequest:
    body = b'{"inputText":"hello"}' if kind == "header" or service == "s3" else b""
    return signed(
        kind,
        service,
        method="PUT",
        url="http://127.0.0.1:8000/model/a%3Ab/invoke?x=1&y=two%20words",
        headers={"x-amz-meta-owner": "alice", "content-type": "application/json"},
        body=body,
    )


def alterations(request: AwsRequest) -> dict[str, AwsRequest]:
    return {
        "method": replace(request, method="DELETE"),
        "path": replace(request, raw_path="/model/a%3Ac/invoke"),
        "query value": replace(request, raw_query=request.raw_query.replace("x=1", "x=2")),
        "query added": replace(request, raw_query=request.raw_query + "&z=1"),
        "query gone": replace(request, raw_query=request.raw_query.replace("x=1&", "")),
        "host": altered(request, "host", "evil.example"),
        "second host": replace(request, headers=(*request.headers, ("host", "evil.example"))),
        "signed header": altered(request, "x-amz-meta-owner", "bob"),
        "signed header gone": altered(request, "x-amz-meta-owner", None),
        "content type": altered(request, "content-type", "text/html"),
    }


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("kind", ["header", "query"])
def test_every_altered_part_is_refused(kind: str, service: str) -> None:
    for part, request in alterations(sample(kind, service)).items():
        code = code_of(lambda request=request: authenticate(request, service))
        assert code == MISMATCH[service], part


@pytest.mark.parametrize("service", SERVICES)
def test_an_altered_body_is_refused(service: str) -> None:
    request = replace(sample("header", service), body=stream(b'{"inputText":"hellO"}'))
    code = code_of(lambda: authenticate(request, service))
    assert code == ("XAmzContentSHA256Mismatch" if service == "s3" else MISMATCH[service])


@pytest.mark.parametrize("service", SERVICES)
def test_a_stated_body_hash_cannot_be_replaced(service: str) -> None:
    request = altered(sample("header", service), "x-amz-content-sha256", "0" * 64)
    request = replace(request, body=stream(b""))
    assert code_of(lambda: authenticate(request, service)) != ""


@given(position=st.integers(0, 63), digit=st.sampled_from("0123456789abcdef"))
def test_a_signature_with_another_digit_is_refused(position: int, digit: str) -> None:
    request = sample("header", "bedrock")
    head, _, signature = request.header("authorization").rpartition("=")
    forged = signature[:position] + digit + signature[position + 1 :]
    if forged == signature:
        return
    request = altered(request, "authorization", f"{head}={forged}")
    assert code_of(lambda: authenticate(request, "bedrock")) == "InvalidSignatureException"


def test_another_tenants_key_id_does_not_verify_ones_signature() -> None:
    request = sample("header", "s3")
    swapped = request.header("authorization").replace(KEY, OTHER_KEY)
    request = altered(request, "authorization", swapped)
    assert code_of(lambda: authenticate(request, "s3")) == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("s3", "InvalidAccessKeyId"),
        ("bedrock", "UnrecognizedClientException"),
        ("sts", "InvalidClientTokenId"),
    ],
)
def test_an_unknown_key_is_refused_by_name(service: str, code: str) -> None:
    request = sample("header", service)
    unknown = request.header("authorization").replace(KEY, "AKIAAAAAAAAAAAAAAAAA")
    request = altered(request, "authorization", unknown)
    assert code_of(lambda: authenticate(request, service)) == code


@pytest.mark.parametrize(
    ("service", "code"),
    [("s3", "RequestTimeTooSkewed"), ("bedrock", "InvalidSignatureException")],
)
def test_fifteen_minutes_of_skew_are_borne_and_no_more(service: str, code: str) -> None:
    for shift in (-900, 900):
        authenticate(sample("header", service), service, now=NOW + shift)
        too_far = NOW + shift + (1 if shift > 0 else -1)
        assert (
            code_of(lambda at=too_far: authenticate(sample("header", service), service, now=at))
            == code
        )


def test_a_presigned_url_lives_exactly_as_long_as_it_says() -> None:
    request = signed("query", "s3", expires=60)
    authenticate(request, "s3", now=NOW + 60)
    assert code_of(lambda: authenticate(request, "s3", now=NOW + 61)) == "AccessDenied"
    assert code_of(lambda: authenticate(request, "s3", now=NOW - 901)) == "AccessDenied"


@pytest.mark.parametrize("expires", [0, 604_801, -5])
def test_a_presigned_url_for_more_than_a_week_is_refused(expires: int) -> None:
    request = signed("query", "s3", expires=expires)
    code = code_of(lambda: authenticate(request, "s3"))
    assert code == "AuthorizationQueryParametersError"


def test_a_header_added_after_signing_is_refused() -> None:
    for kind in ("header", "query"):
        request = altered(signed(kind, "s3"), "x-amz-acl", "public-read")
        assert code_of(lambda request=request: authenticate(request, "s3")) == "AccessDenied"


def test_a_date_header_stands_in_for_x_amz_date() -> None:
    authenticate(signed("header", "bedrock", headers={"Date": "now"}), "bedrock")
