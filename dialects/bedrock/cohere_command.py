"""Cohere Command: a prompt, and one or more generations that continue it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any
from uuid import uuid4

from contracts.generation.answers import Choice, Delta, FinishReason, Generation, Token
from contracts.generation.requests import CompletionRequest
from dialects.bedrock.progress import METRICS, Progress
from dialects.body import Json, Members, built
from dialects.dialect import Exchange

_MEMBERS = {
    "prompt", "temperature", "p", "k", "max_tokens", "stop_sequences", "return_likelihoods",
    "stream", "num_generations", "logit_bias", "truncate",
}  # fmt: skip
_LIKELIHOODS = ("NONE", "GENERATION", "ALL")
_MOST_GENERATIONS = 5


class CohereCommand:
    """TextDialect."""

    def read(self, model: str, body: Json) -> CompletionRequest:
        members = Members(body, _MEMBERS)
        members.refuse("logit_bias")
        members.one_of("truncate", ("NONE",), "NONE")
        members.flag("stream", default=False)
        likelihoods = members.one_of("return_likelihoods", _LIKELIHOODS, "NONE")
        return built(
            CompletionRequest,
            model=model,
            prompt=members.text("prompt", least=1),
            max_tokens=members.tokens("max_tokens", 20),
            temperature=members.number("temperature", 0, 2),
            top_p=members.nucleus("p"),
            top_k=members.likeliest("k"),
            stop=members.stops("stop_sequences"),
            n=members.integer("num_generations", 1, least=1, most=_MOST_GENERATIONS),
            logprobs=None if likelihoods == "NONE" else 0,
            echo=likelihoods == "ALL",
        )

    def whole(self, exchange: Exchange, made: Generation) -> Json:
        before = made.prompt_tokens or []
        return {
            "id": str(uuid4()),
            "prompt": exchange.body["prompt"],
            "generations": [_generation(choice, before) for choice in made.choices],
        }

    async def parts(
        self, exchange: Exchange, deltas: AsyncGenerator[Delta, None]
    ) -> AsyncGenerator[Json, None]:
        """Each part has its generation's index where there is more than one."""
        progress = Progress(exchange)
        count = exchange.body.get("num_generations") or 1
        async with aclosing(progress.seen(deltas)) as seen:
            async for delta in seen:
                if delta.text:
                    yield {**_index(delta.index, count), "is_finished": False, "text": delta.text}
        for index in range(count):
            reason = {"is_finished": True, "finish_reason": _reason(progress.reason(index))}
            metrics = {METRICS: progress.metrics()} if index == count - 1 else {}
            yield {**_index(index, count), **reason, **metrics}


def _index(index: int, count: int) -> Json:
    return {"index": index} if count > 1 else {}


def _generation(choice: Choice, before: list[Token]) -> Json:
    told: dict[str, Any] = {
        "id": str(uuid4()),
        "text": choice.text,
        "finish_reason": _reason(choice.finish_reason),
    }
    if choice.tokens is not None:
        tokens = [*before, *choice.tokens]
        known = [token.logprob for token in tokens if token.logprob is not None]
        told["likelihood"] = sum(known) / len(known) if known else 0.0
        told["token_likelihoods"] = [_likelihood(token) for token in tokens]
    return told


def _likelihood(token: Token) -> Json:
    known = {} if token.logprob is None else {"likelihood": token.logprob}
    return {"token": token.text, **known}


def _reason(reason: FinishReason) -> str:
    return "MAX_TOKENS" if reason == "length" else "COMPLETE"
