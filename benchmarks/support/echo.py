"""An upstream that speaks the OpenAI chat API and answers with what it was asked: all gateway, no
model.

`python -m benchmarks.support.echo` prints its port.
"""

import asyncio
from typing import cast

import httptools
import orjson
import uvloop
from typing_extensions import override

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"

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
        body = _answer(b"".join(self._parts) or _NOTHING)
        self._parts.clear()
        self._transport.write(_HEAD % len(body) + body)


def _answer(body: bytes) -> bytes:
    asked = orjson.loads(body)
    text = asked["messages"][-1]["content"]
    words = len(text.split())
    return orjson.dumps(
        {
            "id": "chatcmpl-echo",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": asked["model"],
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": text},
                    "finish_reason": "stop",
                }
            ],
            "usage": {
                "prompt_tokens": words,
                "completion_tokens": words,
                "total_tokens": 2 * words,
            },
        }
    )


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve())
