"""Whatever a client sends, parsing and validation answer with its own fault, never with a bug."""

import json
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.aws.protocol import models
from gateway.aws.protocol.parse import parse
from gateway.aws.protocol.route import has_form, route
from gateway.aws.protocol.validate import validate
from gateway.aws.request import AwsRequest
from kit.errors import PlatformError
from tests.unit.gateway.aws.samples import sample, stream, to_request

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
_TARGETS = [
    ("bedrock-agent", "CreateKnowledgeBase"),
    ("bedrock-agent-runtime", "RetrieveAndGenerate"),
    ("bedrock-runtime", "Converse"),
    ("sagemaker", "CreateModel"),
]
_QUICK = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])


def _answered(request: AwsRequest, body: bytes) -> None:
    """Passes when the request is understood, or refused as the client's own fault."""
    refusal: PlatformError | None = None
    try:
        routed = route(request, body if has_form(request) else b"")
        validate(routed.spec, parse(routed, request, body))
    except PlatformError as error:
        refusal = error
    assert refusal is None or refusal.status < 500 or refusal.status == 501


@cache
def _sent(service: str, name: str) -> tuple[AwsRequest, bytes]:
    spec = models.service(service).operation(name)
    return to_request(spec, sample(spec.input))


def _spoilt(value: Any, wrong: Any, place: int) -> Any:
    """The same tree with one value, found by number, replaced."""
    if isinstance(value, dict) and value:
        key = sorted(value)[place % len(value)]
        if place % 3 == 0:
            return {**value, key: wrong}
        return {**value, key: _spoilt(value[key], wrong, place // 2)}
    if isinstance(value, list) and value:
        return [_spoilt(value[0], wrong, place // 2), *value[1:]]
    return wrong


@pytest.mark.parametrize(("service", "name"), _TARGETS)
@_QUICK
@given(wrong=_JSON, place=st.integers(0, 10_000))
def test_a_wrong_value_anywhere_in_a_json_body(
    service: str, name: str, wrong: Any, place: int
) -> None:
    request, body = _sent(service, name)
    _answered(request, json.dumps(_spoilt(json.loads(body), wrong, place)).encode())


@_QUICK
@given(body=st.binary(max_size=200))
def test_any_bytes_as_xml_and_as_a_form(body: bytes) -> None:
    request, _ = _sent("s3", "PutObjectTagging")
    _answered(request, body)
    _answered(request, b"<Tagging>" + body + b"</Tagging>")
    request, _ = _sent("sts", "AssumeRole")
    _answered(request, b"Action=AssumeRole&Tags.member.1.Key=%00&" + body)


@_QUICK
@given(
    method=st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD", "PATCH", "OPTIONS"]),
    path=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60),
    query=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60),
    credential=st.text(max_size=60),
    target=st.text(max_size=30),
)
def test_any_head(method: str, path: str, query: str, credential: str, target: str) -> None:
    headers = (
        ("authorization", f"AWS4-HMAC-SHA256 Credential={credential}"),
        ("x-amz-target", target),
    )
    for kept in (headers, headers[:1], ()):
        request = AwsRequest(method, "http", f"/{path}", query, kept, stream())
        _answered(request, b"")
