"""The generation service's internal routes: chats, completions, their token counts, models."""

from collections.abc import Mapping
from typing import Any, TypeVar

from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse
from starlette.requests import Request

from contracts.generation.models import ModelList
from contracts.generation.requests import ChatRequest, CompletionRequest
from kit.auth.principal import Principal
from kit.contract_routes import ContractRoute
from kit.leaving import CallerGone, unless_gone
from kit.service import Caller, ndjson, started
from services.generation.service.generating import Generating

_CALLER_LEFT = 499  # nobody reads it; logs tell it from our own errors
Asked = TypeVar("Asked", ChatRequest, CompletionRequest)


def contract_routes(service: Generating) -> Mapping[str, ContractRoute[Any]]:
    return {
        "/chat": _generate(ChatRequest, service),
        "/completions": _generate(CompletionRequest, service),
        "/chat/tokens": _count(ChatRequest, service),
        "/completions/tokens": _count(CompletionRequest, service),
    }


def _generate(shape: type[Asked], service: Generating) -> ContractRoute[Asked]:
    async def generate(request: Request, who: Principal, asked: Asked) -> Response:
        """JSON, or NDJSON of deltas with `stream`; work stops as soon as the caller leaves."""

        async def until_gone() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass

        try:
            if asked.stream:
                deltas = await unless_gone(started(service.stream(who, asked)), until_gone)
                return StreamingResponse(ndjson(deltas), media_type="application/x-ndjson")
            answer = await unless_gone(service.generate(who, asked), until_gone)
            return Response(answer.model_dump_json(), media_type="application/json")
        except CallerGone:
            return Response(status_code=_CALLER_LEFT)

    return ContractRoute(shape, generate)


def _count(shape: type[Asked], service: Generating) -> ContractRoute[Asked]:
    async def count(_: Request, who: Principal, asked: Asked) -> Response:
        counted = await service.count_tokens(who, asked)
        return Response(counted.model_dump_json(), media_type="application/json")

    return ContractRoute(shape, count)


def routes(service: Generating) -> APIRouter:
    router = APIRouter()

    @router.get("/models")
    async def models(_: Caller) -> ModelList:
        return ModelList(models=service.models())

    return router
