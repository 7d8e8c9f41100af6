"""The generation service's internal routes: `POST /chat` and `GET /models`."""

from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse
from starlette.requests import Request

from contracts.generation import ChatRequest, ModelList
from kit.contract_routes import ContractRoute
from kit.leaving import CallerGone, unless_gone
from kit.service import Caller, ndjson, started
from services.generation.service import GenerationService

_CALLER_LEFT = 499  # nobody reads it; logs tell it from our own errors


def chat_route(service: GenerationService) -> ContractRoute[ChatRequest]:
    async def chat(request: Request, asked: ChatRequest) -> Response:
        """JSON, or NDJSON of deltas with `stream`; work stops as soon as the caller leaves."""

        async def until_gone() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass

        try:
            if asked.stream:
                deltas = await unless_gone(started(service.stream(asked)), until_gone)
                return StreamingResponse(ndjson(deltas), media_type="application/x-ndjson")
            answer = await unless_gone(service.chat(asked), until_gone)
            return Response(answer.model_dump_json(), media_type="application/json")
        except CallerGone:
            return Response(status_code=_CALLER_LEFT)

    return ContractRoute(ChatRequest, chat)


def routes(service: GenerationService) -> APIRouter:
    router = APIRouter()

    @router.get("/models")
    async def models(_: Caller) -> ModelList:
        return ModelList(models=service.models())

    return router
