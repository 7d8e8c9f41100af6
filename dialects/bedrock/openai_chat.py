"""OpenAI's chat on Bedrock, as Jamba and models that are not AWS's are asked."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from contracts.generation.answers import Delta, Generation
from contracts.generation.client import GenerateRequest
from dialects.bedrock.progress import METRICS, Progress
from dialects.body import Json
from dialects.dialect import Exchange
from dialects.openai.chat import ChatDialect


class OpenAIChat:
    """TextDialect, whose last chunk has the usage and AWS's metrics."""

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
