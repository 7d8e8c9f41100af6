"""The messages between server and parser: lengths, a JSON header, raw bytes; nothing unpickled."""

import asyncio
import json
import os
import struct
from typing import Any

CONFINED, UNCONFINED = b"C", b"U"
"""What the fork server says first: whether its forks run under a system call filter."""

_LENGTHS = struct.Struct(">IQ")
_READ_MAX = 1024 * 1024


def pack(header: dict[str, Any], body: bytes = b"") -> tuple[bytes, bytes]:
    """The two pieces to send, so that a large body is not copied."""
    encoded = json.dumps(header, separators=(",", ":")).encode()
    return _LENGTHS.pack(len(encoded), len(body)) + encoded, body


def write_frame(descriptor: int, header: dict[str, Any], body: bytes = b"") -> None:
    for piece in pack(header, body):
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(descriptor, rest) :]


def read_frame(descriptor: int) -> tuple[dict[str, Any], bytes]:
    """Raises EOFError when the other side went away."""
    header_length, body_length = _LENGTHS.unpack(_read(descriptor, _LENGTHS.size))
    return json.loads(_read(descriptor, header_length)), _read(descriptor, body_length)


async def receive_frame(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Header (still JSON) and body; raises asyncio.IncompleteReadError when the stream ends."""
    lengths = await reader.readexactly(_LENGTHS.size)
    header_length, body_length = _LENGTHS.unpack(lengths)
    return await reader.readexactly(header_length), await reader.readexactly(body_length)


def _read(descriptor: int, length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        piece = os.read(descriptor, min(length - len(data), _READ_MAX))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)
