"""Titan text: a prompt, and what continues it."""

from collections.abc import AsyncGenerator

from contracts.generation.answers import Delta, FinishReason, Generation
from contracts.generation.requests import CompletionRequest
from dialects.bedrock.progress import Progress, chunks
from dialects.body import Json, Members, built
from dialects.dialect import Exchange

_REASONS: dict[FinishReason, str] = {
    "stop": "FINISH",
    "stop_sequence": "STOP_CRITERIA_MET",
    "length": "LENGTH",
    "refusal": "CONTENT_FILTERED",
    "tool_calls": "FINISH",
}


class TitanText:
    """TextDialect."""

    def read(self, model: str, body: Json) -> CompletionRequest:
        members = Members(body, {"inputText", "textGenerationConfig"})
        config = members.object(
            "textGenerationConfig", {"temperature", "topP", "maxTokenCount", "stopSequences"}
        )
        return built(
            CompletionRequest,
            model=model,
            prompt=members.text("inputText", least=1),
            max_tokens=config.tokens("maxTokenCount", 512),
            temperature=config.number("temperature", 0, 1),
            top_p=config.nucleus("topP"),
            stop=config.stops("stopSequences"),
        )

    def whole(self, exchange: Exchange, made: Generation) -> Json:
        result = {
            "tokenCount": made.output_tokens,
            "outputText": made.text,
            "completionReason": _REASONS[made.first.finish_reason],
        }
        return {"inputTextTokenCount": made.input_tokens, "results": [result]}

    def parts(
        self, exchange: Exchange, deltas: AsyncGenerator[Delta, None]
    ) -> AsyncGenerator[Json, None]:
        return chunks(exchange, deltas, _piece, _last)


def _piece(delta: Delta, progress: Progress) -> Json:
    return {
        "outputText": delta.text,
        "index": 0,
        "totalOutputTextTokenCount": None,
        "completionReason": None,
        "inputTextTokenCount": progress.input_tokens or None,
    }


def _last(progress: Progress) -> Json:
    return {
        "outputText": "",
        "index": 0,
        "totalOutputTextTokenCount": progress.output_tokens,
        "completionReason": _REASONS[progress.reason()],
        "inputTextTokenCount": progress.input_tokens,
    }
