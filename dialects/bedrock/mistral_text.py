"""Mistral's text completion: the caller writes `<s>[INST] … [/INST]` itself."""

from collections.abc import AsyncGenerator

from contracts.generation.answers import Delta, FinishReason, Generation
from contracts.generation.requests import CompletionRequest
from dialects.bedrock.progress import Progress, chunks
from dialects.body import Json, Members, built
from dialects.dialect import Exchange

_MEMBERS = {"prompt", "max_tokens", "stop", "temperature", "top_p", "top_k"}
_SMALL_LIMIT, _LARGE_LIMIT = 512, 8192


class MistralText:
    """TextDialect."""

    def read(self, model: str, body: Json) -> CompletionRequest:
        members = Members(body, _MEMBERS)
        return built(
            CompletionRequest,
            model=model,
            prompt=members.text("prompt", least=1),
            max_tokens=members.tokens("max_tokens", _limit(model)),
            temperature=members.number("temperature", 0, 1),
            top_p=members.nucleus("top_p"),
            top_k=members.likeliest("top_k"),
            stop=members.stops("stop"),
        )

    def whole(self, exchange: Exchange, made: Generation) -> Json:
        return _outputs(made.text, _reason(made.first.finish_reason))

    def parts(
        self, exchange: Exchange, deltas: AsyncGenerator[Delta, None]
    ) -> AsyncGenerator[Json, None]:
        return chunks(exchange, deltas, _piece, _last)


def _piece(delta: Delta, _: Progress) -> Json:
    return _outputs(delta.text, None)


def _last(progress: Progress) -> Json:
    return _outputs("", _reason(progress.reason()))


def _outputs(text: str, reason: str | None) -> Json:
    return {"outputs": [{"text": text, "stop_reason": reason}]}


def _reason(reason: FinishReason) -> str:
    return "length" if reason == "length" else "stop"


def _limit(model: str) -> int:
    """AWS's own default: the small models are cut earlier."""
    return _SMALL_LIMIT if "7b" in model else _LARGE_LIMIT
