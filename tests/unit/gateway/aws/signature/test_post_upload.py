"""Forms that boto3 prepares for browsers: the policy is evaluated, not only its signature."""

import asyncio
import base64
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.aws.request import AwsRequest
from gateway.aws.signature.authenticate import Authenticator
from gateway.aws.signature.post_upload import PostUpload
from gateway.aws.signature.sigv2 import v2_signature
from tests.unit.gateway.aws.signature.signing import (
    ALICE,
    KEY,
    SECRET,
    TwoTenants,
    code_of,
    stream,
)
from tests.unit.gateway.aws.signature.test_presigned import CLIENTS

BOUNDARY = "----7f3a"
versions = pytest.mark.parametrize("version", ["default", "v4"])


def form_of(fields: dict[str, str], file: bytes, name: str = "me.txt", after: str = "") -> bytes:
    out = b""
    for field, value in fields.items():
        out += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n'.encode()
        out += value.encode() + b"\r\n"
    out += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; '.encode()
    out += f'filename="{name}"\r\nContent-Type: text/plain\r\n\r\n'.encode() + file
    return out + f"\r\n{after}--{BOUNDARY}--\r\n".encode()


def upload(
    body: bytes, bucket: str = "docs", size: int = 7, now: float | None = None
) -> tuple[PostUpload, bytes]:
    async def run() -> tuple[PostUpload, bytes]:
        gate = Authenticator(TwoTenants(), clock=lambda: now or time.time())
        blocks = (body[at : at + size] for at in range(0, len(body), size))
        content_type = ("content-type", f"multipart/form-data; boundary={BOUNDARY}")
        request = AwsRequest("POST", "http", f"/{bucket}", "", (content_type,), stream(*blocks))
        result = await gate.authenticate_post(request, bucket)
        return result, b"".join([block async for block in result.body])

    return asyncio.run(run())


def prepared(version: str, key: str = "up/${filename}", **more: Any) -> dict[str, str]:
    fields: dict[str, str] = CLIENTS[version].generate_presigned_post("docs", key, **more)["fields"]
    return fields


def custom(conditions: list[Any], expiration: str = "2099-01-01T00:00:00Z") -> dict[str, str]:
    """A V2 form with any policy, rightly signed."""
    text = json.dumps({"expiration": expiration, "conditions": conditions})
    policy = base64.b64encode(text.encode()).decode()
    signature = v2_signature(SECRET, policy.encode())
    return {"key": "a", "AWSAccessKeyId": KEY, "policy": policy, "signature": signature}


@versions
@given(file=st.binary(max_size=300), size=st.integers(1, 4000))
def test_boto3s_form_is_let_in_and_its_file_comes_out_whole(
    version: str, file: bytes, size: int
) -> None:
    fields = prepared(version)
    result, data = upload(form_of(fields, file), size=size)
    assert (result.principal, result.key, data) == (ALICE, "up/me.txt", file)


def test_only_the_last_part_of_a_file_name_enters_the_key() -> None:
    body = form_of(prepared("v4"), b"x", name="C:/../../etc/passwd")
    assert upload(body)[0].key == "up/passwd"


@versions
@pytest.mark.parametrize(
    "change",
    [
        {"key": "elsewhere/a"},
        {"acl": "public-read"},
        {"x-amz-meta-owner": "bob"},
        {"success_action_redirect": "http://evil.example"},
    ],
)
def test_a_field_that_the_policy_does_not_allow_is_refused(
    version: str, change: dict[str, str]
) -> None:
    body = form_of(prepared(version) | change, b"x")
    assert code_of(lambda: upload(body)) == "AccessDenied"


@versions
def test_fields_that_the_policy_allows_pass(version: str) -> None:
    fields = prepared(
        version,
        "a",
        Fields={"acl": "private", "Content-Type": "image/png"},
        Conditions=[{"acl": "private"}, ["starts-with", "$Content-Type", "image/"]],
    )
    result, _ = upload(form_of(fields | {"x-ignore-me": "1"}, b"x"))
    assert result.fields["content-type"] == "image/png"
    other = form_of(fields | {"Content-Type": "image/png,text/html"}, b"x")
    assert code_of(lambda: upload(other)) == "AccessDenied"


@versions
def test_another_policy_or_signature_is_refused(version: str) -> None:
    fields = prepared(version)
    looser = base64.b64encode(base64.b64decode(fields["policy"]).replace(b"up/", b"")).decode()
    assert code_of(lambda: upload(form_of(fields | {"policy": looser}, b"x"))) == (
        "SignatureDoesNotMatch"
    )
    name = "signature" if version == "default" else "x-amz-signature"
    forged = fields | {name: "0" * 64}
    assert code_of(lambda: upload(form_of(forged, b"x"))) == "SignatureDoesNotMatch"


@versions
def test_a_form_without_policy_or_signature_is_refused(version: str) -> None:
    fields = prepared(version)
    unsigned = {"signature", "x-amz-signature"}
    for gone in ({"policy"}, unsigned):
        left = {name: value for name, value in fields.items() if name not in gone}
        assert code_of(lambda left=left: upload(form_of(left, b"x"))) == "AccessDenied"


@versions
def test_a_form_for_one_bucket_does_not_open_another(version: str) -> None:
    fields = prepared(version)
    assert code_of(lambda: upload(form_of(fields, b"x"), bucket="other")) == "AccessDenied"
    claims = form_of(fields | {"bucket": "docs"}, b"x")
    assert code_of(lambda: upload(claims, bucket="other")) == "InvalidArgument"


@versions
def test_an_expired_form_is_refused(version: str) -> None:
    body = form_of(prepared(version, ExpiresIn=60), b"x")
    assert code_of(lambda: upload(body, now=time.time() + 62)) == "AccessDenied"


@versions
def test_the_size_of_the_file_is_held_to(version: str) -> None:
    fields = prepared(version, Conditions=[["content-length-range", 2, 4]])
    assert upload(form_of(fields, b"1234"))[1] == b"1234"
    assert code_of(lambda: upload(form_of(fields, b"12345"))) == "EntityTooLarge"
    assert code_of(lambda: upload(form_of(fields, b"1"))) == "EntityTooSmall"


BOTH = [{"bucket": "docs"}, {"key": "a"}]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (custom([*BOTH, ["matches", "$acl", "x"]]), "InvalidPolicyDocument"),
        (custom([*BOTH, ["eq", "acl", "x"]]), "InvalidPolicyDocument"),
        (custom([*BOTH, "acl"]), "InvalidPolicyDocument"),
        (custom([*BOTH, ["content-length-range", "a", 3]]), "InvalidPolicyDocument"),
        (custom([*BOTH, {"acl": 5}]), "InvalidPolicyDocument"),
        (custom(BOTH, "tomorrow"), "InvalidPolicyDocument"),
        (custom(BOTH, "2099-01-01T00:00:00"), "InvalidPolicyDocument"),
        (custom([{"key": "a"}]), "AccessDenied"),
        (custom([{"bucket": "docs"}]), "AccessDenied"),
        (custom([*BOTH, {"acl": "private"}]), "AccessDenied"),
        (custom(BOTH) | {"KEY": "b"}, "InvalidArgument"),
        (custom(BOTH) | {"x": "y" * 70_000}, "MaxPostPreDataLengthExceeded"),
        ({"policy": "e30="}, "InvalidArgument"),
    ],
)
def test_odd_policies_and_forms_are_refused_by_name(fields: dict[str, str], code: str) -> None:
    assert code_of(lambda: upload(form_of(fields, b"x"), size=1000)) == code


def test_what_follows_the_file_is_not_a_field() -> None:
    late = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="acl"\r\n\r\npublic-read\r\n'
    result, data = upload(form_of(custom(BOTH), b"x", after=late))
    assert (data, "acl" in result.fields) == (b"x", False)


@pytest.mark.parametrize("cut", [10, 200, -1, -20])
def test_a_cut_or_broken_form_is_refused(cut: int) -> None:
    body = form_of(custom(BOTH), b"hello")
    if cut == -1:
        upload(body[:cut])  # only the last line break is missing
    else:
        assert code_of(lambda: upload(body[:cut])) in ("IncompleteBody", "InvalidArgument")
    assert code_of(lambda: upload(b"nonsense" + body)) == "MalformedPOSTRequest"


def test_fields_that_are_not_utf_8_are_refused() -> None:
    fields = custom([["starts-with", "$key", ""], {"bucket": "docs"}])
    for good, wrong in (
        (b"\r\na\r\n", b"\r\n\xff\r\n"),
        (b'"key"', b'"k\xffy"'),
        (b"me.txt", b"\xfe"),
    ):
        body = form_of(fields, b"x").replace(good, wrong, 1)
        assert code_of(lambda body=body: upload(body)) == "InvalidArgument"


def test_a_part_cannot_be_the_file_and_a_field_at_once() -> None:
    fields = custom([["starts-with", "$key", ""], {"bucket": "docs"}])
    twice = b'name="file"; filename="a"\r\nContent-Disposition: form-data; name="redirect"'
    body = form_of(fields, b"x").replace(b'name="file"; filename="me.txt"', twice)
    assert code_of(lambda: upload(body)) == "MalformedPOSTRequest"
