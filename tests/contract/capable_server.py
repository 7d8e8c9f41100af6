"""A small OpenAI-compatible server with one capable model, on a thread and a socket of its own."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.contract import capable_model
from tests.contract.openai_double import serving

MODEL = "capable"


@dataclass
class CapableServer:
    """`seen` are the bodies of the requests; so many as `busy` are told to come again."""

    url: str = ""
    busy: int = 0
    seen: list[dict[str, Any]] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)
    """How often each text was asked for."""

    async def chat(self, request: Request) -> Response:
        return await self._answer(request, chat=True)

    async def completion(self, request: Request) -> Response:
        return await self._answer(request, chat=False)

    async def _answer(self, request: Request, *, chat: bool) -> Response:
        asked = orjson.loads(await request.body())
        if self.busy:
            self.busy -= 1
            return JSONResponse({"error": {"message": "busy"}}, 429, {"retry-after": "6"})
        self.seen.append(asked)
        self.told[capable_model.prompt_of(asked, chat)] += 1
        return await capable_model.answer(asked, chat=chat)


@contextmanager
def capable_server() -> Iterator[CapableServer]:
    """Keeps its URL for as long as it is entered, whatever becomes of its clients."""
    server = CapableServer()
    routes = [
        Route("/v1/chat/completions", server.chat, methods=["POST"]),
        Route("/v1/completions", server.completion, methods=["POST"]),
    ]
    ready: Future[None] = Future()
    over = asyncio.Event()
    loop = asyncio.new_event_loop()

    async def run() -> None:
        async with serving(Starlette(routes=routes)) as url:
            server.url = f"{url}/v1"
            ready.set_result(None)
            await over.wait()

    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(loop.run_until_complete, run())
        try:
            ready.result(timeout=20)
            yield server
        finally:
            loop.call_soon_threadsafe(over.set)
            running.result(timeout=20)
            loop.close()
