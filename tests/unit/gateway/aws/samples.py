"""Values for any botocore shape, and botocore's own client side as the oracle of ours."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import urlencode

from botocore import parsers, serialize
from botocore.awsrequest import HeadersDict, prepare_request_dict

from gateway.aws.protocol import models
from gateway.aws.protocol.models import OperationSpec
from gateway.aws.request import AwsRequest

SPECS = [
    models.service(service).operation(name)
    for service in models.SERVICES
    for name in models.service(service).operations
]
MOMENT = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


def sample(shape: Any, depth: int = 0, seed: int = 0) -> Any:
    """A value with every member set, a union with one; `seed` varies it; recursion ends."""
    kind = shape.type_name
    if getattr(shape, "is_document_type", False):
        return {"any": [1, "two", None]}
    if kind == "structure":
        return _structure(shape, depth, seed)
    if kind == "list":
        size = 0 if depth > 6 else max(2, shape.metadata.get("min") or 0)
        return [sample(shape.member, depth + 1, seed + index) for index in range(size)]
    if kind == "map":
        keys = [f"key{seed}", f"ключ {seed}"] if depth <= 6 else []
        if shape.serialization.get("location") == "headers":
            keys = ["first", "second"]
        return {key: sample(shape.value, depth + 1, seed) for key in keys}
    return _scalar(shape, seed)


def _structure(shape: Any, depth: int, seed: int) -> dict[str, Any]:
    names = list(shape.members)
    if shape.metadata.get("union"):
        names = [names[(depth + seed) % len(names)]]
    elif depth > 6:
        names = list(shape.required_members)
    if depth > 14:
        names = []
    return {name: sample(shape.members[name], depth + 1, seed) for name in names}


def _scalar(shape: Any, seed: int) -> Any:
    kind = shape.type_name
    if "enum" in shape.metadata:
        allowed = shape.metadata["enum"]
        return allowed[seed % len(allowed)]
    located = shape.serialization.get("location")
    if kind == "string":
        text = f"arn:x/y z%{seed}" if located in ("uri", "querystring") else f"v{seed}, <é&\"'> z"
        return f"plain-{seed}" if located in ("header", "headers") else text
    return {
        "character": "c",
        "integer": 7 + seed,
        "long": 2**40 + seed,
        "float": 0.5,
        "double": 0.25,
        "boolean": seed % 2 == 0,
        "timestamp": MOMENT,
        "blob": b"\x00\xff blob",
    }[kind]


@cache
def _serializer(service: str) -> Any:
    return serialize.create_serializer(models.service(service).protocols[0], False)


def to_request(spec: OperationSpec, parameters: dict[str, Any]) -> tuple[AwsRequest, bytes]:
    """What boto3 would send, signed in name only, and its body."""
    service = models.service(spec.id.service)
    sent = _serializer(spec.id.service).serialize_to_request(parameters, spec.model)
    prepare_request_dict(sent, "http://127.0.0.1")
    body = sent["body"]
    if isinstance(body, dict):
        body = urlencode(body).encode()
    _, _, path = sent["url"].removeprefix("http://").partition("/")
    path, _, query = f"/{path}".partition("?")
    scope = f"AWS4-HMAC-SHA256 Credential=AK/20260101/us-east-1/{service.signing_name}/aws4_request"
    headers = {**{key.lower(): str(value) for key, value in sent["headers"].items()}}
    headers["authorization"] = scope + ", SignedHeaders=host, Signature=0"
    request = AwsRequest(
        method=sent["method"],
        scheme="http",
        raw_path=path,
        raw_query=query,
        headers=tuple(headers.items()),
        body=stream(body or b""),
    )
    return request, body or b""


def from_response(spec: OperationSpec, status: int, headers: Any, body: Any) -> dict[str, Any]:
    """What boto3 would hand to its caller."""
    parser = parsers.create_parser(models.service(spec.id.service).protocols[0])
    received = {
        "status_code": status,
        "headers": HeadersDict({key.decode(): value.decode("latin-1") for key, value in headers}),
        "body": body,
        "context": {"operation_name": spec.id.name},
    }
    return dict(parser.parse(received, spec.output))


async def stream(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
