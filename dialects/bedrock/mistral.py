"""Mistral's models: the body tells a chat from a text to continue."""

from collections.abc import AsyncGenerator

from contracts.generation.answers import Delta, Generation
from contracts.generation.client import GenerateRequest
from dialects.bedrock.mistral_chat import MistralChat
from dialects.bedrock.mistral_text import MistralText
from dialects.body import Json
from dialects.dialect import Exchange, TextDialect

_CHAT, _TEXT = MistralChat(), MistralText()


class Mistral:
    """TextDialect."""

    def read(self, model: str, body: Json) -> GenerateRequest:
        return _form(body).read(model, body)

    def whole(self, exchange: Exchange, made: Generation) -> Json:
        return _form(exchange.body).whole(exchange, made)

    def parts(
        self, exchange: Exchange, deltas: AsyncGenerator[Delta, None]
    ) -> AsyncGenerator[Json, None]:
        return _form(exchange.body).parts(exchange, deltas)


def _form(body: Json) -> TextDialect:
    return _CHAT if "messages" in body else _TEXT
