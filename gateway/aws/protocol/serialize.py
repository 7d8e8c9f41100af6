"""Turns what a handler gave into an answer in the request's own protocol."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from gateway.aws.protocol import json_body, xml_body
from gateway.aws.protocol.eventstream import Describe
from gateway.aws.protocol.models import OperationSpec, service
from gateway.aws.protocol.rest_response import rest_writer
from gateway.aws.protocol.route import RoutedOperation
from gateway.aws.protocol.values import Convert
from gateway.response import Response


def serialize(
    routed: RoutedOperation, members: Mapping[str, Any], request_id: str, describe: Describe
) -> Response:
    """`describe` names an error that ends an event stream. Raises KeyError for unknown members."""
    if routed.protocol == "json":
        return _json(routed.spec, members)
    if routed.protocol == "query":
        return _query(routed.spec, members, request_id)
    return rest_writer(routed.spec, routed.protocol).write(members, describe)


def _json(spec: OperationSpec, members: Mapping[str, Any]) -> Response:
    write = _json_writer(spec)
    body = json_body.dump(write(members)) if write else b""
    return Response(200, [(b"content-type", _json_media(spec))], body)


@cache
def _json_writer(spec: OperationSpec) -> Convert | None:
    return json_body.writer(spec.output) if spec.output is not None else None


@cache
def _json_media(spec: OperationSpec) -> bytes:
    version = service(spec.id.service).metadata.get("jsonVersion", "1.0")
    return f"application/x-amz-json-{version}".encode()


def _query(spec: OperationSpec, members: Mapping[str, Any], request_id: str) -> Response:
    name = spec.id.name
    namespace = service(spec.id.service).metadata["xmlNamespace"]
    out = [f'<{name}Response xmlns="{namespace}">']
    if spec.output is not None:
        _query_writer(spec)(out, members)
    out.append(
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{name}Response>"
    )
    return Response(200, [(b"content-type", b"text/xml")], "".join(out).encode())


@cache
def _query_writer(spec: OperationSpec) -> xml_body.Write:
    wrapper = spec.output.serialization.get("resultWrapper", f"{spec.id.name}Result")
    return xml_body.writer(spec.output, wrapper)
