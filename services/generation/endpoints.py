"""The generation service's internal routes: `POST /chat` and `GET /models`."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from contracts.generation import ChatRequest, ModelList
from kit.errors import PlatformError
from kit.service import Caller, ndjson, started
from services.generation.service import GenerationService

T = TypeVar("T")

_CALLER_LEFT = 499  # nobody reads it; logs tell it from our own errors


def routes(service: GenerationService) -> APIRouter:
    router = APIRouter()

    @router.post("/chat")
    async def chat(request: Request, asked: ChatRequest, _: Caller) -> Response:
        """JSON, or NDJSON of deltas with `stream`; work stops as soon as the caller leaves."""
        if asked.stream:
            deltas = await _while_connected(request, started(service.stream(asked)))
            if deltas is not None:
                return StreamingResponse(ndjson(deltas), media_type="application/x-ndjson")
        else:
            answer = await _while_connected(request, service.chat(asked))
            if answer is not None:
                return Response(answer.model_dump_json(), media_type="application/json")
        return Response(status_code=_CALLER_LEFT)

    @router.get("/models")
    async def models(_: Caller) -> ModelList:
        return ModelList(models=service.models())

    return router


async def _while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T | None:
    """The result of the work, or None when the caller left, which cancels it."""
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_until_gone(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, leaving):
            task.cancel()
            with suppress(asyncio.CancelledError, PlatformError):
                await task


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
