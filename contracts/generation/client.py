"""The generation service, as the other processes see it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
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
        whole = request.model_copy(update={"stream": False}) if request.stream else request
        return await self._call(principal, _path(whole), whole, Generation)

    async def stream(
        self, principal: Principal, request: GenerateRequest
    ) -> AsyncGenerator[Delta, None]:
        """Yields the parts as they come; closing the iterator cancels the work at its engine."""
        streamed = request.model_copy(update={"stream": True})
        lines = self._lines(principal, _path(streamed), streamed, _LINE)
        async with aclosing(lines) as parts:
            async for part in parts:
                yield part

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
