"""A small OpenAI-compatible server on a real socket, whose model's name says how it behaves.

The model `scripted` does as the last message or the prompt says: `[[calls]]`, `[[status-503]]`.
"""

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

SAID = "Naïve café 🙂 revenue was $5."
CALL = {"id": "call_1", "name": "weather", "arguments": '{"city": "Oslo"}'}
TOO_LONG = (
    "This model's maximum context length is 64 tokens. However, you requested 80 tokens (60 in the "
    "messages, 20 in the completion)."
)


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
        behaviour = _behaviour(asked)
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
        if behaviour == "reads-text":
            return JSONResponse({"error": {"message": "scripted is not a multimodal model"}}, 400)
        if behaviour == "too-long":
            return JSONResponse({"error": {"message": TOO_LONG}}, 400)
        if asked["stream"]:
            events = self._events(behaviour, is_chat="messages" in asked)
            return StreamingResponse(events, media_type="text/event-stream")
        if behaviour == "garbage":
            return Response(b"<html>not json</html>")
        return JSONResponse(_whole(behaviour, is_chat="messages" in asked))

    async def _until_gone(self, request: Request) -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        self.left.set()

    async def _events(self, behaviour: str, *, is_chat: bool) -> AsyncIterator[bytes]:
        try:
            async for event in _stream(behaviour, _said if is_chat else _written):
                yield event
        finally:
            if behaviour == "endless":
                self.left.set()


async def _stream(behaviour: str, choice: Callable[[str], dict[str, Any]]) -> AsyncIterator[bytes]:
    yield b": a comment\n\n"
    if behaviour == "garbage":
        yield b"data: {not json\n\n"
        return
    if behaviour == "breaks-with-error":
        yield _event(choice("Half "))
        yield b'data: {"error": {"message": "out of memory"}}\n\n'
        return
    if behaviour == "cut":
        yield _event(choice("Half "))
        return
    if behaviour == "stalls":
        yield _event(choice("Half "))
        await asyncio.sleep(30)
    if behaviour == "endless":
        while True:
            yield _event(choice("more "))
            await asyncio.sleep(0.01)
    whole = b"".join(_event(choice(letter)) for letter in SAID)
    if behaviour == "calls":
        whole = b"".join(map(_event, _calling()))
    whole += _event({"delta": {}, **_ending(behaviour)})
    whole += b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":9}}\n\n'
    whole += b"data: [DONE]\n\n"
    size = 1 if behaviour == "byte-by-byte" else 37
    for start in range(0, len(whole), size):
        yield whole[start : start + size]
        if size > 1:
            await asyncio.sleep(0.001)  # what comes all at once is one part to whoever reads it


def _event(choice: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps({"choices": [{"index": 0, **choice}]}) + b"\r\n\r\n"


def _said(text: str) -> dict[str, Any]:
    return {"delta": {"content": text}}


def _written(text: str) -> dict[str, Any]:
    return {"text": text}


def _calling() -> Iterator[dict[str, Any]]:
    """A call in parts, as servers stream it."""
    yield _said("Let me look.")
    begun = {"index": 0, "id": CALL["id"], "type": "function"}
    yield {"delta": {"tool_calls": [{**begun, "function": {"name": CALL["name"]}}]}}
    for letter in CALL["arguments"]:
        yield {"delta": {"tool_calls": [{"index": 0, "function": {"arguments": letter}}]}}


def _ending(behaviour: str) -> dict[str, Any]:
    if behaviour == "stops":
        return {"finish_reason": "stop", "stop_reason": "END"}
    reason = {"too-short": "length", "calls": "tool_calls"}.get(behaviour, "stop")
    return {"finish_reason": reason}


def _whole(behaviour: str, *, is_chat: bool) -> dict[str, Any]:
    choice: dict[str, Any] = {"message": {"role": "assistant", "content": SAID}}
    if behaviour == "refuses":
        choice["message"] = {"role": "assistant", "content": None, "refusal": "No."}
    if behaviour == "calls":
        function = {"name": CALL["name"], "arguments": CALL["arguments"]}
        call = {"id": CALL["id"], "type": "function", "function": function}
        message = {"role": "assistant", "content": "Let me look.", "tool_calls": [call]}
        choice["message"] = message
    if not is_chat:
        choice = {"text": SAID}
    return {
        "choices": [{"index": 0, **choice, **_ending(behaviour)}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 9},
    }


def _behaviour(asked: dict[str, Any]) -> str:
    """A scripted model's instructions are in what it reads last."""
    if asked["model"] != "scripted":
        return str(asked["model"])
    read = asked["prompt"] if "prompt" in asked else asked["messages"][-1]
    told = re.search(r"\[\[([\w-]+)\]\]", str(read))
    return told[1] if told else "answers"


@asynccontextmanager
async def openai_double() -> AsyncIterator[Double]:
    double = Double()
    paths = ("/v1/chat/completions", "/v1/completions")
    app = Starlette(routes=[Route(path, double.chat, methods=["POST"]) for path in paths])
    async with serving(app) as url:
        double.url = f"{url}/v1"
        yield double


@contextmanager
def double_in_a_thread() -> Iterator[Double]:
    """For tests that wait for clients of their own."""
    running, done = threading.Event(), threading.Event()
    made: list[Double] = []

    async def serve() -> None:
        async with openai_double() as double:
            made.append(double)
            running.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert running.wait(10)
    try:
        yield made[0]
    finally:
        done.set()
        thread.join(10)


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
