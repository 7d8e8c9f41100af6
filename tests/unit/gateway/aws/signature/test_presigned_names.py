"""A presigned URL stays one operation on one thing, however a query spells its names."""

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.aws.signature.canonical import canonical_query
from gateway.aws.signature.sigv2 import _SIGNED
from tests.unit.gateway.aws.signature.signing import ALICE, authenticate, code_of
from tests.unit.gateway.aws.signature.test_presigned import CLIENTS, clients, url_for, visit

_REFUSED = ("SignatureDoesNotMatch", "AccessDenied")
_TARGETS = sorted(_SIGNED | {"attributes", "retention", "legal-hold", "session", "x-amz-acl"})


def _spelt(name: str, place: int) -> str:
    """With one character percent-encoded."""
    place %= len(name)
    return f"{name[:place]}%{ord(name[place]):02x}{name[place + 1 :]}"


@pytest.mark.parametrize("version", ["v2", "v4"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("name", _TARGETS)
def test_no_spelling_of_a_subresource_enters_a_signed_url(
    version: str, method: str, name: str
) -> None:
    operation = {"GET": "get_object", "DELETE": "delete_object"}[method]
    request = visit(url_for(version, operation, Bucket="docs", Key="a"), method)
    spellings = [_spelt(name, place) for place in range(len(name))]
    spellings += [name, "".join(f"%{ord(letter):02X}" for letter in name), name.upper()]
    for spelling in spellings:
        for added in (f"&{spelling}", f"&{spelling}=1"):
            other = replace(request, raw_query=request.raw_query + added)
            code = code_of(lambda other=other: authenticate(other, "s3", now=time.time()))
            assert code in _REFUSED, spelling


@given(
    version=st.sampled_from(sorted(CLIENTS)),
    parameter=st.sampled_from(["VersionId", "ResponseContentType", "ResponseExpires"]),
    place=st.integers(0, 40),
)
def test_a_signed_name_may_be_spelt_in_any_way_and_means_the_same(
    version: str, parameter: str, place: int
) -> None:
    name = {"VersionId": "versionId", "ResponseContentType": "response-content-type"}.get(
        parameter, "response-expires"
    )
    url = url_for(version, "get_object", Bucket="docs", Key="a", **{parameter: "2030-01-01"})
    now = time.time()
    spelt = url.replace(f"{name}=", f"{_spelt(name, place)}=")
    assert authenticate(visit(spelt), "s3", now=now)[0].principal == ALICE
    twice = visit(f"{spelt}&{name}=2")
    assert code_of(lambda: authenticate(twice, "s3", now=now)) in _REFUSED


@clients
def test_a_plus_signs_as_the_space_that_it_reads_as(version: str) -> None:
    url = url_for(version, "get_object", Bucket="docs", Key="a", VersionId="a+b")
    other = visit(url.replace("a%2Bb", "a+b"))
    code = code_of(lambda: authenticate(other, "s3", now=time.time()))
    assert code == "SignatureDoesNotMatch"


def test_a_line_break_does_not_make_one_signed_line_two() -> None:
    disposition = "x\n9999999999\n/docs/secret"
    url = url_for(
        "v2", "get_object", Bucket="docs", Key="a", ResponseContentDisposition=disposition
    )
    fields = dict(part.split("=", 1) for part in url.partition("?")[2].split("&"))
    prefix = f"%0A{fields['Expires']}%0A/docs/a?response-content-disposition=x"
    query = f"content-type={prefix.replace('?', '%3F').replace('=x', '%3Dx')}"
    query += f"&Expires=9999999999&AWSAccessKeyId={fields['AWSAccessKeyId']}"
    forged = visit(f"http://127.0.0.1:8000/docs/secret?{query}&Signature={fields['Signature']}")
    assert code_of(lambda: authenticate(forged, "s3", now=time.time())) == "AccessDenied"


def test_a_parameter_without_a_name_is_signed_as_well() -> None:
    assert canonical_query("=x&a=b") == "=x&a=b"
    assert canonical_query("=x&X-Amz-Signature=b", "X-Amz-Signature") == "=x"
