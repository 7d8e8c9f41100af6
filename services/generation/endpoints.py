"""The generation service's internal routes: chats, completions, their token counts, models."""

from fastapi import APIRouter

from contracts.generation.models import ModelList
from contracts.generation.requests import ChatRequest, CompletionRequest
from kit.contract_routes import ContractRoute, Routes, StreamRoute
from kit.service import Caller
from services.generation.service.generating import Generating


def contract_routes(service: Generating) -> Routes:
    return {
        "/chat": ContractRoute(ChatRequest, service.generate),
        "/chat/stream": StreamRoute(ChatRequest, service.stream),
        "/chat/tokens": ContractRoute(ChatRequest, service.count_tokens),
        "/completions": ContractRoute(CompletionRequest, service.generate),
        "/completions/stream": StreamRoute(CompletionRequest, service.stream),
        "/completions/tokens": ContractRoute(CompletionRequest, service.count_tokens),
    }


def routes(service: Generating) -> APIRouter:
    router = APIRouter()

    @router.get("/models")
    async def models(_: Caller) -> ModelList:
        return ModelList(models=service.models())

    return router
