"""What the generation service takes and gives: chat requests, whole answers, and streamed parts."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from contracts.client import Contract, ServiceClient
from kit.auth.principal import Principal

FinishReason: TypeAlias = Literal["stop", "length", "refusal"]
"""`refusal`: the engine found nothing to answer from, or would not answer."""

Text: TypeAlias = Annotated[str, Field(max_length=4_000_000)]


class ChatMessage(Contract):
    role: Literal["system", "user", "assistant"]
    content: Text


class ChatRequest(Contract):
    """`passages` and `question` go along for engines that only quote; others read `messages`."""

    model: Annotated[str, Field(min_length=1, max_length=2048)]
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=2000)]
    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    stop: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=1000)]],
        Field(default_factory=list, max_length=64),
    ]
    stream: bool = False
    passages: Annotated[list[Text], Field(max_length=1000)] | None = None
    question: Text | None = None


class ChatResponse(Contract):
    """`model` is what really answered, whatever alias was asked for."""

    text: str
    finish_reason: FinishReason
    input_tokens: Annotated[int, Field(ge=0)]
    output_tokens: Annotated[int, Field(ge=0)]
    model: str


class ChatDelta(Contract):
    """A part of an answer; the last one carries the reason, the counts and the model."""

    text: str = ""
    finish_reason: FinishReason | None = None
    input_tokens: Annotated[int, Field(ge=0)] | None = None
    output_tokens: Annotated[int, Field(ge=0)] | None = None
    model: str | None = None


class ModelCard(Contract):
    """A model that can be asked for, by `id` or by any of `aliases`."""

    id: str
    name: str
    provider: str
    kind: Literal["embedding", "text"]
    engine: str
    description: str
    aliases: list[str]
    context: int | None
    licence: str


class ModelList(Contract):
    models: list[ModelCard]


_LINE = TypeAdapter(ChatDelta)


class GenerationClient(ServiceClient):
    """The generation service, as the other processes see it."""

    async def chat(self, principal: Principal, request: ChatRequest) -> ChatResponse:
        whole = request.model_copy(update={"stream": False}) if request.stream else request
        return await self._call(principal, "/chat", whole, ChatResponse)

    async def stream(
        self, principal: Principal, request: ChatRequest
    ) -> AsyncGenerator[ChatDelta, None]:
        """Yields the parts as they come; closing the iterator cancels the answer at its engine."""
        streamed = request.model_copy(update={"stream": True})
        async with aclosing(self._lines(principal, "/chat", streamed, _LINE)) as lines:
            async for line in lines:
                yield line

    async def models(self, principal: Principal) -> list[ModelCard]:
        answer = await self._transport.request(
            "GET", "/models", headers=self._headers(principal), body=b""
        )
        return ModelList.model_validate_json(answer).models
