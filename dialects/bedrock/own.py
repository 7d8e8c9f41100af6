"""Models that are not AWS's: the form is told by the members of the body."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from contracts.generation.answers import Delta, Generation
from contracts.generation.client import GenerateRequest
from dialects.bedrock.claude_messages import ClaudeMessages
from dialects.bedrock.cohere_chat import CohereChat
from dialects.bedrock.llama import Llama
from dialects.bedrock.mistral_text import MistralText
from dialects.bedrock.nova import Nova
from dialects.bedrock.progress import METRICS, Progress
from dialects.bedrock.titan_text import TitanText
from dialects.body import Json
from dialects.dialect import Exchange, TextDialect
from dialects.openai.chat import ChatDialect


class OpenAIChat:
    """TextDialect: OpenAI's chat, whose last chunk has the usage and AWS's metrics."""

    _openai = ChatDialect()

    def read(self, model: str, body: Json) -> GenerateRequest:
        return self._openai.read(model, body)

    def whole(self, exchange: Exchange, made: Generation) -> Json:
        return self._openai.whole(exchange, made)

    async def parts(
        self, exchange: Exchange, deltas: AsyncGenerator[Delta, None]
    ) -> AsyncGenerator[Json, None]:
        progress = Progress(exchange)
        asked = replace(exchange, body=exchange.body | {"stream_options": {"include_usage": True}})
        seen = progress.seen(deltas)
        async with aclosing(self._openai.parts(asked, seen)) as chunks:
            async for chunk in chunks:
                yield chunk if chunk["choices"] else {**chunk, METRICS: progress.metrics()}


class Own:
    """TextDialect."""

    def read(self, model: str, body: Json) -> GenerateRequest:
        return _form(body).read(model, body)

    def whole(self, exchange: Exchange, made: Generation) -> Json:
        return _form(exchange.body).whole(exchange, made)

    def parts(
        self, exchange: Exchange, deltas: AsyncGenerator[Delta, None]
    ) -> AsyncGenerator[Json, None]:
        return _form(exchange.body).parts(exchange, deltas)


_FORMS: tuple[tuple[str, TextDialect], ...] = (
    ("anthropic_version", ClaudeMessages()),
    ("schemaVersion", Nova()),
    ("messages", OpenAIChat()),
    ("inputText", TitanText()),
    ("message", CohereChat()),
    ("max_tokens", MistralText()),
    ("prompt", Llama()),
)
"""By a member that only this form has among those that are left."""


def _form(body: Json) -> TextDialect:
    return next((form for member, form in _FORMS if member in body), _FORMS[-1][1])
