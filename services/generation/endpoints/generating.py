"""The generation service's internal routes: chats, completions, adapters, models."""

from fastapi import APIRouter

from contracts.contract import Nothing
from contracts.generation import adapters as a
from contracts.generation.models import ModelList
from contracts.generation.requests import ChatRequest, CompletionRequest
from kit.contract_routes import ContractRoute, Routes, StreamRoute
from kit.service import Caller
from services.generation.service.adapters.registry import Registry
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


def adapter_routes(registry: Registry) -> Routes:
    owning = registry.owning
    return {
        "/adapters/add": ContractRoute(a.AddAdapter, registry.add),
        "/adapters/check": ContractRoute(a.Upload, registry.registering.check),
        "/adapters/get": ContractRoute(a.AdapterId, owning.one),
        "/adapters/list": ContractRoute(Nothing, owning.list),
        "/adapters/delete": ContractRoute(a.AdapterId, owning.delete),
        "/adapters/aliases/list": ContractRoute(a.ComponentId, owning.aliases),
        "/adapters/aliases/put": ContractRoute(a.PutAlias, owning.put_alias),
        "/adapters/aliases/delete": ContractRoute(a.AliasId, owning.delete_alias),
        "/adapters/aliases/rollback": ContractRoute(a.Rollback, owning.rollback),
        "/adapters/aliases/history": ContractRoute(a.AliasId, owning.history),
        "/adapters/grants/put": ContractRoute(a.Grant, owning.grant),
        "/adapters/grants/delete": ContractRoute(a.Grant, owning.revoke),
        "/adapters/grants/list": ContractRoute(a.AdapterId, owning.grants),
        "/adapters/pins/put": ContractRoute(a.AdapterId, owning.pin),
        "/adapters/pins/delete": ContractRoute(a.AdapterId, owning.unpin),
        "/adapters/quota": ContractRoute(Nothing, owning.quota),
        "/adapters/admit": ContractRoute(a.AdmitAdapter, registry.admitting.step),
    }


def routes(service: Generating) -> APIRouter:
    router = APIRouter()

    @router.get("/models")
    async def models(who: Caller) -> ModelList:
        return ModelList(models=await service.models(who))

    return router
