"""Frames of application/vnd.amazon.eventstream: how AWS streams typed events over HTTP.

A frame is total length, headers length and their CRC-32, then headers, payload, and the CRC-32 of
all before it. Header values are strings here (type 7); our models have no other kind.
"""

import struct
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any
from zlib import crc32

from gateway.aws.protocol import json_body
from gateway.aws.protocol.models import error_code, message_name

CONTENT_TYPE = "application/vnd.amazon.eventstream"
Describe = Callable[[Exception], tuple[str, str, Mapping[str, Any]]]
"""The code and message of an error, and the members that its shape has besides."""
_Payload = Callable[[Any], bytes]


def frame(headers: bytes, payload: bytes) -> bytes:
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    prelude += struct.pack(">I", crc32(prelude))
    message = prelude + headers + payload
    return message + struct.pack(">I", crc32(message))


def encode_headers(headers: Mapping[str, str]) -> bytes:
    encoded = ((name.encode(), value.encode()) for name, value in headers.items())
    return b"".join(
        bytes([len(name)]) + name + b"\x07" + struct.pack(">H", len(value)) + value
        for name, value in encoded
    )


class EventEncoder:
    """Compiled from an event-stream shape of the REST-JSON protocol."""

    def __init__(self, shape: Any) -> None:
        self._events = {
            name: _compile_event(name, member)
            for name, member in shape.members.items()
            if not member.metadata.get("exception")
        }
        self._exceptions = {
            error_code(member): (name, message_name(member))
            for name, member in shape.members.items()
            if member.metadata.get("exception")
        }

    def event(self, event: Mapping[str, Any]) -> bytes:
        """One event: a dict of the one member that it is. Raises KeyError for an unknown one."""
        ((name, value),) = event.items()
        headers, payload = self._events[name]
        return frame(headers, payload(value))

    def exception(self, code: str, message: str, members: Mapping[str, Any]) -> bytes:
        """An error in mid-stream; one that the model lists reaches clients as its own type."""
        if code not in self._exceptions:
            unlisted = {":message-type": "error", ":error-code": code, ":error-message": message}
            return frame(encode_headers(unlisted), b"")
        member, told = self._exceptions[code]
        headers = {
            ":exception-type": member,
            ":content-type": "application/json",
            ":message-type": "exception",
        }
        return frame(encode_headers(headers), json_body.dump({told: message, **members}))

    async def stream(
        self, events: AsyncGenerator[Mapping[str, Any], None], describe: Describe
    ) -> AsyncGenerator[bytes, None]:
        """Frames as events come; closes the source however it ends."""
        async with aclosing(events):
            try:
                async for event in events:
                    yield self.event(event)
            except Exception as error:  # noqa: BLE001 - the edge: it is the stream's last frame
                yield self.exception(*describe(error))


def _compile_event(name: str, shape: Any) -> tuple[bytes, _Payload]:
    content_type, payload = _payload_of(shape)
    headers = {":event-type": name, ":content-type": content_type, ":message-type": "event"}
    return encode_headers(headers), payload


def _payload_of(shape: Any) -> tuple[str, _Payload]:
    for name, member in shape.members.items():
        if member.serialization.get("eventpayload"):
            return _explicit_payload(name, member)
    write = json_body.writer(shape)
    return "application/json", lambda event: json_body.dump(write(event) if write else event)


def _explicit_payload(name: str, member: Any) -> tuple[str, _Payload]:
    if member.type_name == "blob":
        return "application/octet-stream", lambda event: bytes(event.get(name, b""))
    if member.type_name == "string":
        return "text/plain", lambda event: str(event.get(name, "")).encode()
    write = json_body.writer(member)
    return "application/json", lambda event: json_body.dump(
        write(event.get(name, {})) if write else event.get(name, {})
    )
