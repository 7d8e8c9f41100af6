"""An upstream that speaks the OpenAI chat API and answers with what it was asked: all gateway, no
model. A stream has a word in each event, and every event is sent by itself, as fast as that goes.

`python -m benchmarks.support.echo` prints its port.
"""

import asyncio
from collections.abc import Iterator
from typing import Any, cast

import httptools
import orjson
import uvloop
from typing_extensions import override

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)
_STREAM_END = b"0\r\n\r\n"

_NOTHING = b'{"model": "", "messages": [{"content": ""}]}'  # LiteLLM asks for other things too


class Echo(asyncio.Protocol):
    """One connection; it is kept open."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self._parser = httptools.HttpRequestParser(self)
        self._parts: list[bytes] = []

    @override
    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, part: bytes) -> None:
        self._parts.append(part)

    def on_message_complete(self) -> None:
        asked = orjson.loads(b"".join(self._parts) or _NOTHING)
        self._parts.clear()
        if asked.get("stream"):
            self._transport.write(_STREAM_HEAD)
            self._send(_events(asked))
        else:
            body = orjson.dumps(_answer(asked))
            self._transport.write(_HEAD % len(body) + body)

    def _send(self, events: Iterator[bytes]) -> None:
        """One event in a turn of the loop: what is written in one turn goes out together."""
        event = next(events, None)
        if event is None or self._transport.is_closing():
            self._transport.write(_STREAM_END)
            return
        self._transport.write(b"%x\r\n%b\r\n" % (len(event), event))
        asyncio.get_running_loop().call_soon(self._send, events)


def _answer(asked: dict[str, Any]) -> dict[str, Any]:
    text = asked["messages"][-1]["content"]
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "finish_reason": "stop",
    }
    return _object(asked, "chat.completion", [choice], usage=_usage(text))


def _events(asked: dict[str, Any]) -> Iterator[bytes]:
    text = asked["messages"][-1]["content"]
    for word in text.split():
        yield _event(asked, {"content": f"{word} "})
    yield _event(asked, {}, "stop")
    yield _data(_object(asked, "chat.completion.chunk", [], usage=_usage(text)))
    yield b"data: [DONE]\n\n"


def _event(asked: dict[str, Any], delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _data(_object(asked, "chat.completion.chunk", [choice]))


def _object(
    asked: dict[str, Any], kind: str, choices: list[dict[str, Any]], **more: Any
) -> dict[str, Any]:
    fixed = {"id": "chatcmpl-echo", "object": kind, "created": 1_700_000_000}
    return {**fixed, "model": asked["model"], "choices": choices, **more}


def _usage(text: str) -> dict[str, int]:
    words = len(text.split())
    return {"prompt_tokens": words, "completion_tokens": words, "total_tokens": 2 * words}


def _data(told: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(told) + b"\n\n"


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve())
