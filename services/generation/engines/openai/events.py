"""Reads server-sent events from chunks of bytes that may be cut anywhere."""

from collections.abc import AsyncGenerator, AsyncIterator

from kit.errors import UpstreamFailed

MOST_BYTES = 4 * 1024 * 1024
"""Of one event; a longer one is no answer of a language model."""
DONE = b"[DONE]"


async def payloads(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The data of each event, up to `[DONE]`, which is not yielded."""
    data: list[bytes] = []
    async for line in _lines(chunks):
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
            if sum(map(len, data)) > MOST_BYTES:
                raise _too_long()
        elif not line and data:
            payload, data = b"\n".join(data), []
            if payload.strip() == DONE:
                return
            yield payload
    if data and b"\n".join(data).strip() != DONE:  # the last event may lack its empty line
        yield b"\n".join(data)


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    pending = b""
    async for chunk in chunks:
        *whole, pending = (pending + chunk).split(b"\n")
        if len(pending) > MOST_BYTES:
            raise _too_long()
        for line in whole:
            yield line.removesuffix(b"\r")
    if pending:
        yield pending.removesuffix(b"\r")


def _too_long() -> UpstreamFailed:
    return UpstreamFailed("The model server sent an event without an end.")
