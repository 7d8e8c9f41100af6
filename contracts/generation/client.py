"""The generation service, as the other processes see it."""

from collections.abc import AsyncGenerator
from typing import TypeAlias

from pydantic import TypeAdapter

from contracts.client import ServiceClient
from contracts.generation.answers import Delta, Generation, TokenCount
from contracts.generation.models import ModelCard, ModelList
from contracts.generation.requests import ChatRequest, CompletionRequest
from kit.auth.principal import Principal

GenerateRequest: TypeAlias = ChatRequest | CompletionRequest

_LINE = TypeAdapter(Delta)


class GenerationClient(ServiceClient):
    """Raises the leaves of kit.errors that the service raises."""

    async def generate(self, principal: Principal, request: GenerateRequest) -> Generation:
        return await self._call(principal, _path(request), request, Generation)

    def stream(self, principal: Principal, request: GenerateRequest) -> AsyncGenerator[Delta, None]:
        """The parts as they come; closing the iterator cancels the work at its engine."""
        return self._lines(principal, f"{_path(request)}/stream", request, _LINE)

    async def count_tokens(self, principal: Principal, request: GenerateRequest) -> TokenCount:
        """By the model's own tokenizer and chat template; nothing is generated."""
        return await self._call(principal, f"{_path(request)}/tokens", request, TokenCount)

    async def models(self, principal: Principal) -> list[ModelCard]:
        """Base models, and the tenant's adapters."""
        answer = await self._transport.request(
            "GET", "/models", headers=self._headers(principal), body=b""
        )
        return ModelList.model_validate_json(answer).models


def _path(request: GenerateRequest) -> str:
    return "/chat" if isinstance(request, ChatRequest) else "/completions"
