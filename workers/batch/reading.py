"""Reads JSON lines from an object as they come, however it is cut into pieces."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from kit.errors import InvalidRequest
from kit.objects.ports import ByteStream
from workers.batch.wire import Line

MOST_BYTES = 32 * 2**20
"""Of one line: what one request may have at the doors."""


async def lines_of(source: int, chunks: ByteStream) -> AsyncGenerator[Line, None]:
    """Lines that are not blank, numbered from 1 with the blank ones. Raises InvalidRequest."""
    number, parts, held = 0, list[bytes](), 0
    async with aclosing(chunks):
        async for chunk in chunks:
            *whole, rest = chunk.split(b"\n")
            for text in whole:
                number += 1
                raw = b"".join((*parts, text))
                parts, held = [], 0
                if raw.strip():
                    yield Line(source, number, _bounded(raw, number))
            parts.append(rest)
            held += len(rest)
            if held > MOST_BYTES:
                raise _too_long(number + 1)
    last = b"".join(parts)
    if last.strip():
        yield Line(source, number + 1, last)


def _bounded(raw: bytes, number: int) -> bytes:
    if len(raw) > MOST_BYTES:
        raise _too_long(number)
    return raw


def _too_long(number: int) -> InvalidRequest:
    return InvalidRequest(f"Line {number} has more than {MOST_BYTES} bytes.")
