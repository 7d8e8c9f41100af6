"""Turns a routed request into the parameters of its operation, in the request's own protocol."""

from collections.abc import AsyncIterator, Callable
from functools import cache
from typing import Any

from gateway.aws.protocol import form_body, json_body, xml_body, xml_tree
from gateway.aws.protocol.bindings import bindings
from gateway.aws.protocol.failures import SerializationFailed
from gateway.aws.protocol.models import OperationSpec, is_streaming, payload_member
from gateway.aws.protocol.route import RoutedOperation
from gateway.aws.request import AwsRequest
from kit.errors import Unsupported

Body = bytes | AsyncIterator[bytes]
_ReadBody = Callable[[Any], dict[str, Any]]


def parse(routed: RoutedOperation, request: AwsRequest, body: Body) -> dict[str, Any]:
    """`body` is an iterator for an operation that streams in, else the whole body.

    Raises SerializationFailed for a body that is not of the protocol.
    """
    try:
        return _PARSERS[routed.protocol](routed, request, body)
    except RecursionError as error:
        raise SerializationFailed("The body is nested too deeply.") from error


def _parse_json(routed: RoutedOperation, _: AwsRequest, body: Any) -> dict[str, Any]:
    read = _json_reader(routed.spec)
    members = json_body.load(body)
    return read(members) if read else {}


def _parse_query(routed: RoutedOperation, request: AwsRequest, body: Any) -> dict[str, Any]:
    shape = routed.spec.input
    form = form_body.load(body, request.query)
    return form_body.read(shape, form) if shape is not None else {}


def _parse_rest(routed: RoutedOperation, request: AwsRequest, body: Any) -> dict[str, Any]:
    bound, read_body = _rest_reader(routed.spec, routed.protocol)
    members = read_body(body)
    for binding in bound:
        value = binding.read(request, routed.labels)
        if value is not None:
            members[binding.member] = value
    return members


@cache
def _json_reader(spec: OperationSpec) -> Callable[[Any], dict[str, Any]] | None:
    return json_body.reader(spec.input) if spec.input is not None else None


@cache
def _rest_reader(spec: OperationSpec, protocol: str) -> tuple[list[Any], _ReadBody]:
    shape = spec.input
    if shape is None:
        return [], _no_body
    return bindings(shape), _body_reader(shape, protocol)


def _body_reader(shape: Any, protocol: str) -> _ReadBody:
    payload = payload_member(shape)
    if payload is not None:
        return _payload_reader(payload, shape.members[payload], protocol)
    if all("location" in member.serialization for member in shape.members.values()):
        return _no_body
    if protocol == "rest-xml":
        read_xml = xml_body.reader(shape)
        return lambda body: read_xml([xml_tree.parse(body)]) if body else {}
    read_json = json_body.reader(shape) or dict
    return lambda body: read_json(json_body.load(body))


def _payload_reader(name: str, member: Any, protocol: str) -> _ReadBody:
    if member.serialization.get("eventstream"):
        return _refuse_events
    if is_streaming(member):
        return lambda body: {name: body}
    if member.type_name == "blob":
        return lambda body: {name: body} if body else {}
    if member.type_name == "string":
        return lambda body: {name: _text(body)} if body else {}
    if protocol == "rest-xml":
        return _xml_payload(name, member)
    read = json_body.reader(member)
    return lambda body: {name: read(json_body.load(body)) if read else json_body.load(body)}


def _xml_payload(name: str, member: Any) -> _ReadBody:
    read = xml_body.reader(member)
    expected = member.serialization.get("name", member.name)

    def read_root(body: bytes) -> dict[str, Any]:
        if not body:
            return {}
        root = xml_tree.parse(body)
        if root.tag != expected:
            raise SerializationFailed(f"The root element must be {expected}, not {root.tag}.")
        return {name: read([root])}

    return read_root


def _no_body(_: Any) -> dict[str, Any]:
    return {}


def _refuse_events(_: Any) -> dict[str, Any]:
    raise Unsupported("Event streams from the client need HTTP/2, which is not served.")


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise SerializationFailed("The body is not UTF-8.") from error


_PARSERS: dict[str, Callable[[RoutedOperation, AwsRequest, Any], dict[str, Any]]] = {
    "json": _parse_json,
    "query": _parse_query,
    "rest-json": _parse_rest,
    "rest-xml": _parse_rest,
}
