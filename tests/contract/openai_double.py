"""A small OpenAI-compatible server on a real socket, whose model's name says how it behaves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

SAID = "Naïve café 🙂 revenue was $5."


@dataclass
class Double:
    """`seen` are the bodies of the requests, `left` is set when a stream's reader went away."""

    url: str = ""
    seen: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    failures_left: int = 0

    async def chat(self, request: Request) -> Response:
        asked = orjson.loads(await request.body())
        self.seen.append(asked)
        self.keys.append(request.headers.get("authorization"))
        behaviour = asked["model"]
        if self.failures_left:
            self.failures_left -= 1
            return JSONResponse({"error": {"message": "starting"}}, 503, {"retry-after": "0"})
        if behaviour.startswith("status-"):
            status = int(behaviour.removeprefix("status-"))
            return JSONResponse({"error": {"message": f"told {status}"}}, status)
        if behaviour == "redirect":
            return Response(status_code=302, headers={"location": "http://127.0.0.1:1/"})
        if behaviour == "slow":
            await asyncio.sleep(1)
        if behaviour == "hangs":
            await self._until_gone(request)
        if asked["stream"]:
            return StreamingResponse(self._events(behaviour), media_type="text/event-stream")
        if behaviour == "garbage":
            return Response(b"<html>not json</html>")
        return JSONResponse(_whole(behaviour))

    async def _until_gone(self, request: Request) -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        self.left.set()

    async def _events(self, behaviour: str) -> AsyncIterator[bytes]:
        try:
            async for event in _stream(behaviour):
                yield event
        finally:
            if behaviour == "endless":
                self.left.set()


async def _stream(behaviour: str) -> AsyncIterator[bytes]:
    yield b": a comment\n\n"
    if behaviour == "garbage":
        yield b"data: {not json\n\n"
        return
    if behaviour == "breaks-with-error":
        yield _event("Half ")
        yield b'data: {"error": {"message": "out of memory"}}\n\n'
        return
    if behaviour == "cut":
        yield _event("Half ")
        return
    if behaviour == "endless":
        while True:
            yield _event("more ")
            await asyncio.sleep(0.01)
    whole = b"".join(_event(letter) for letter in SAID)
    whole += b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\r\n\r\n'
    whole += b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":9}}\n\n'
    whole += b"data: [DONE]\n\n"
    size = 1 if behaviour == "byte-by-byte" else 37
    for start in range(0, len(whole), size):
        yield whole[start : start + size]


def _event(text: str) -> bytes:
    return b"data: " + orjson.dumps({"choices": [{"delta": {"content": text}}]}) + b"\n\n"


def _whole(behaviour: str) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": SAID}
    reason = "stop"
    if behaviour == "too-short":
        reason = "length"
    if behaviour == "refuses":
        message, reason = {"role": "assistant", "content": None, "refusal": "No."}, "stop"
    return {
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 9},
    }


@asynccontextmanager
async def openai_double() -> AsyncIterator[Double]:
    double = Double()
    app = Starlette(routes=[Route("/v1/chat/completions", double.chat, methods=["POST"])])
    async with serving(app) as url:
        double.url = f"{url}/v1"
        yield double


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[str]:
    """Runs an ASGI app under uvicorn on a free port of this machine; yields its URL."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_level="error", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task
