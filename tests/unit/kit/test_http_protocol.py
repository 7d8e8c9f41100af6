"""A head is bounded in size, in headers and in time; what is within the bounds is served."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from time import monotonic

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from kit.http_protocol import MAX_HEAD, MAX_HEADERS, BoundedHttpProtocol
from kit.process import server_config

HEAD = b"POST / HTTP/1.1\r\nhost: here\r\n"


async def echo_size(scope: Scope, receive: Receive, send: Send) -> None:
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = b"%d bytes" % size
    start = {"type": "http.response.start", "status": 200}
    await send(start | {"headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def port() -> AsyncIterator[int]:
    config = server_config(echo_size, "127.0.0.1", 0, 1)
    config.lifespan = "off"
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    yield server.servers[0].sockets[0].getsockname()[1]
    await server.shutdown()


async def talk(port: int, *pieces: bytes) -> bytes:
    """What the server answers to pieces that are sent one after another, until it closes."""
    async with begun(port, b"") as (reader, writer):
        answering = asyncio.create_task(answer_of(reader))
        for piece in pieces:
            if not answering.done():
                writer.write(piece)
                await asyncio.sleep(0.002)
        return await answering


async def answer_of(reader: asyncio.StreamReader) -> bytes:
    answer = b""
    with suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(2):
            while part := await reader.read(65536):
                answer += part
    return answer


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([HEAD + b"x: ", *[b"a" * 10_000] * 20], id="one endless header"),
        pytest.param([b"GET /", *[b"a" * 10_000] * 20], id="an endless target"),
        pytest.param([HEAD + b"x: " + b"a" * MAX_HEAD + b"\r\n\r\n"], id="whole at once"),
        pytest.param([HEAD + b"x: y\r\n" * MAX_HEADERS + b"\r\n"], id="many headers"),
        pytest.param(
            [HEAD + b"content-length: 2\r\n\r\nhi", HEAD + b"x: ", *[b"a" * 10_000] * 20],
            id="the second of a connection",
        ),
        pytest.param(
            [HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\nx: ", *[b"a" * 10_000] * 20],
            id="trailers",
        ),
    ],
)
async def test_a_head_without_bounds_is_refused_and_the_connection_closed(
    port: int, pieces: list[bytes]
) -> None:
    began = monotonic()
    answer = await talk(port, *pieces)
    assert b"HTTP/1.1 431 " in answer
    assert monotonic() - began < 1.5  # closed: it would wait for two seconds else


async def test_heads_and_bodies_within_the_bounds_are_served_on_one_connection(port: int) -> None:
    large = HEAD + b"x: " + b"a" * 60_000 + b"\r\n" + b"y: z\r\n" * (MAX_HEADERS - 5)
    sized = large + b"content-length: 1000000\r\n\r\n" + b"b" * 1_000_000
    chunk = b"186a0\r\n" + b"c" * 100_000 + b"\r\n"
    chunked = HEAD + b"transfer-encoding: chunked\r\n\r\n" + chunk * 5 + b"0\r\n\r\n"
    last = HEAD + b"connection: close\r\ncontent-length: 0\r\n\r\n"
    answer = await talk(port, sized, chunked, last)
    assert [answer.count(size) for size in (b"1000000 b", b"500000 b", b"\n0 b")] == [1, 1, 1]
    assert answer.count(b"HTTP/1.1 200 ") == 3


@pytest.mark.parametrize("sent", [b"P", HEAD, b"\r\n"])
@pytest.mark.parametrize("before", [b"", HEAD + b"content-length: 2\r\n\r\nhi"])
async def test_a_head_that_never_ends_is_given_up(
    port: int, before: bytes, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedHttpProtocol, "head_seconds", 0.4)
    async with begun(port, before) as (reader, writer), asyncio.timeout(1.5):
        if before:
            await reader.readuntil(b"2 bytes")
        writer.write(sent)
        await reader.read()


async def test_a_slow_body_and_a_connection_kept_alive_are_not_given_up(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedHttpProtocol, "head_seconds", 0.2)
    head = HEAD + b"content-length: 2\r\n\r\n"
    async with begun(port, head) as (reader, writer):
        for _ in range(2):
            await asyncio.sleep(0.5)
            writer.write(b"hi")
            await reader.readuntil(b"2 bytes")
            await asyncio.sleep(0.5)
            writer.write(head)


@asynccontextmanager
async def begun(
    port: int, sent: bytes
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
