"""Nova: Converse's messages with names of its own for sampling, and images in base64."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from contracts.generation.answers import Delta, Generation
from contracts.generation.requests import ChatRequest
from dialects.bedrock.converse_answer import STOPS, message_events, message_of, usage_of
from dialects.bedrock.converse_content import messages_of
from dialects.bedrock.converse_tools import tools_of
from dialects.bedrock.progress import METRICS, Progress, reason_of
from dialects.bedrock.turns import continues
from dialects.body import Json, Members, built
from dialects.dialect import Exchange

_MEMBERS = {"schemaVersion", "messages", "system", "inferenceConfig", "toolConfig"}
_VERSION = "messages-v1"
_NAMES = {
    "max_tokens": ("maxTokens", "max_new_tokens"),
    "top_p": ("topP", "top_p"),
    "top_k": ("topK", "top_k"),
}
"""Both ways in which AWS writes them."""
_CONFIG = {"temperature", "stopSequences"}.union(*_NAMES.values())


class Nova:
    """TextDialect."""

    def read(self, model: str, body: Json) -> ChatRequest:
        members = Members(body, _MEMBERS)
        members.one_of("schemaVersion", (_VERSION,), _VERSION)
        config = members.object("inferenceConfig", _CONFIG)
        name = {ours: _given(config, theirs) for ours, theirs in _NAMES.items()}
        said = messages_of(members)
        return built(
            ChatRequest,
            model=model,
            messages=said,
            continues=continues(said),
            max_tokens=config.tokens(name["max_tokens"]),
            temperature=config.number("temperature", 0, 1),
            top_p=config.nucleus(name["top_p"]),
            top_k=config.likeliest(name["top_k"]),
            stop=config.stops("stopSequences"),
            **tools_of(members),
        )

    def whole(self, exchange: Exchange, made: Generation) -> Json:
        return {
            "output": {"message": message_of(made)},
            "stopReason": STOPS[reason_of(made.first)],
            "usage": usage_of(made),
        }

    async def parts(
        self, exchange: Exchange, deltas: AsyncGenerator[Delta, None]
    ) -> AsyncGenerator[Json, None]:
        progress = Progress(exchange)
        async with aclosing(message_events(progress, deltas)) as events:
            async for event in events:
                yield event
        yield {"messageStop": {"stopReason": STOPS[progress.reason()]}}
        usage = usage_of(progress.usage) if progress.usage is not None else {}
        metadata = {"usage": usage, "metrics": {}, "trace": {}}
        yield {"metadata": metadata, METRICS: progress.metrics()}


def _given(config: Members, names: tuple[str, ...]) -> str:
    return next((name for name in names if name in config), names[0])
