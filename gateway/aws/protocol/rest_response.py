"""REST answers: members go to headers and body as the output shape says, compiled once."""

from collections.abc import AsyncIterator, Callable, Mapping
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

from gateway.aws.protocol import json_body, xml_body
from gateway.aws.protocol.eventstream import CONTENT_TYPE, Describe, EventEncoder
from gateway.aws.protocol.models import OperationSpec, payload_member
from gateway.aws.protocol.values import text_writer
from gateway.aws.protocol.xml_roots import NAMESPACE, ROOTS, TEXT_ROOTS
from gateway.response import Headers, Response, header_value

_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
_WriteHeader = Callable[[Headers, Any], None]
# Takes the members of the body; gives it with its media type, which is empty without a body.
_WriteBody = Callable[[Mapping[str, Any], Describe], tuple[bytes | AsyncIterator[bytes], str]]


class RestWriter:
    """One operation's answers in rest-json or rest-xml."""

    def __init__(self, spec: OperationSpec, protocol: str) -> None:
        shape = spec.output
        members = shape.members.items() if shape is not None else ()
        self._status = next((name for name, member in members if _at(member, "statusCode")), None)
        self._headers = {
            name: _header_writer(name, member)
            for name, member in members
            if _at(member, "header") or _at(member, "headers")
        }
        self._default_status = spec.status
        self._body = _body_writer(spec, protocol)

    def write(self, members: Mapping[str, Any], describe: Describe) -> Response:
        """Raises KeyError for a member that the shape lacks: a bug of the handler."""
        headers: Headers = []
        body_members = {}
        status = self._default_status
        for name, value in members.items():
            if value is None:
                continue
            if name in self._headers:
                self._headers[name](headers, value)
            elif name == self._status:
                status = int(value)
            else:
                body_members[name] = value
        body, media = self._body(body_members, describe)
        response = Response(status, headers, body)
        if media:
            response.set_default(b"content-type", media)
        return response


@cache
def rest_writer(spec: OperationSpec, protocol: str) -> RestWriter:
    return RestWriter(spec, protocol)


def _at(member: Any, location: str) -> bool:
    return bool(member.serialization.get("location") == location)


def _header_writer(name: str, member: Any) -> _WriteHeader:
    wire = member.serialization.get("name", name).lower()
    if member.type_name == "map":
        return lambda headers, values: headers.extend(
            ((wire + key.lower()).encode("latin-1"), header_value(str(value)))
            for key, value in values.items()
        )
    encoded = wire.encode()
    if member.type_name == "list":
        text = text_writer(member.member, "rfc822")
        return lambda headers, values: headers.append(
            (encoded, header_value(",".join(map(text, values))))
        )
    text = text_writer(member, "rfc822")
    return lambda headers, value: headers.append((encoded, header_value(text(value))))


def _body_writer(spec: OperationSpec, protocol: str) -> _WriteBody:
    shape = spec.output
    if shape is None:
        return _no_body
    payload = payload_member(shape) or spec.event_stream
    if payload is not None:
        return _payload_writer(payload, shape.members[payload], protocol)
    in_body = any("location" not in member.serialization for member in shape.members.values())
    if protocol == "rest-xml":
        return _xml_writer(spec) if in_body else _no_body
    write = json_body.writer(shape)
    return lambda members, _: (
        json_body.dump(write(members) if write else members),
        "application/json",
    )


def _payload_writer(name: str, member: Any, protocol: str) -> _WriteBody:
    if member.serialization.get("eventstream"):
        encoder = EventEncoder(member)
        return lambda members, describe: (
            encoder.stream(members[name], describe),
            CONTENT_TYPE,
        )
    if member.type_name in ("blob", "string"):
        media = "binary/octet-stream" if protocol == "rest-xml" else "application/octet-stream"
        return lambda members, _: (_raw(members.get(name, b"")), media)
    if protocol == "rest-xml":
        root = xml_body.root_writer(
            member, member.serialization.get("name", member.name), NAMESPACE
        )
        return lambda members, _: _xml_body(root, members.get(name))
    write = json_body.writer(member)
    return lambda members, _: (
        json_body.dump(write(members.get(name, {})) if write else members.get(name, {})),
        "application/json",
    )


def _xml_writer(spec: OperationSpec) -> _WriteBody:
    operation = spec.id.name
    if operation in TEXT_ROOTS:
        member = TEXT_ROOTS[operation]
        opening = f'{_XML}<{member} xmlns="{NAMESPACE}">'
        return lambda members, _: (
            f"{opening}{escape(str(members.get(member, '')))}</{member}>".encode(),
            "application/xml",
        )
    root = xml_body.root_writer(spec.output, ROOTS.get(operation, spec.output.name), NAMESPACE)
    return lambda members, _: _xml_body(root, members)


def _xml_body(write: xml_body.Write, value: Any) -> tuple[bytes, str]:
    if value is None:
        return b"", ""
    out = [_XML]
    write(out, value)
    return "".join(out).encode(), "application/xml"


def _no_body(members: Mapping[str, Any], _: Describe) -> tuple[bytes, str]:
    if members:
        raise KeyError(next(iter(members)))
    return b"", ""


def _raw(value: Any) -> bytes | AsyncIterator[bytes]:
    return value.encode() if isinstance(value, str) else value
