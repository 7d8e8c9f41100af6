"""POST /completions: one or several prompts as contracts, and their answers as one object."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Annotated

from pydantic import Field

from contracts.generation.answers import Choice, Delta, Generation
from contracts.generation.requests import CompletionRequest
from dialects.body import Json, built
from dialects.dialect import Exchange
from dialects.openai.answers import FINISHES, frame, usage_of
from dialects.openai.body import ListOf, read
from dialects.openai.completion_chunks import CompletionChunks, begun_of
from dialects.openai.logprobs import completion_logprobs
from dialects.openai.sampling import Sampled, includes_usage
from kit.errors import InvalidRequest

_MOST_PROMPTS = 128
Ids = Annotated[ListOf[Annotated[int, Field(ge=0)]], Field(min_length=1)]
Text = Annotated[str, Field(min_length=1)]


class CompletionBody(Sampled):
    """What is served of OpenAI's completions; 16 tokens are its default."""

    prompt: Text | Ids | ListOf[Text] | ListOf[Ids]
    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] = 16
    echo: bool = False
    logprobs: Annotated[int, Field(ge=0, le=20)] | None = None


class CompletionDialect:
    """Pure; one for all. `read_all`, `whole_all` and CompletionChunks know of several prompts."""

    def read_all(self, model: str, body: Json) -> list[CompletionRequest]:
        """One request for each prompt, in order; `model` stands for the body's own."""
        asked = read(CompletionBody, _served(body) | {"model": model})
        prompts = _prompts(asked.prompt)
        if not 1 <= len(prompts) <= _MOST_PROMPTS:
            raise InvalidRequest(f"prompt: give 1 to {_MOST_PROMPTS} prompts.", param="prompt")
        shared = asked.sampling() | {
            "max_tokens": asked.max_tokens,
            "echo": asked.echo,
            "logprobs": asked.logprobs,
        }
        return [built(CompletionRequest, prompt=prompt, **shared) for prompt in prompts]

    def read(self, model: str, body: Json) -> CompletionRequest:
        """Of one prompt."""
        requests = self.read_all(model, body)
        if len(requests) > 1:
            raise InvalidRequest("prompt: give one prompt at a time here.", param="prompt")
        return requests[0]

    def whole_all(
        self, model: str, requests: Sequence[CompletionRequest], made: Sequence[Generation]
    ) -> Json:
        """The choices of all prompts, in the order of the prompts."""
        choices = [
            _choice(request, answer, choice)
            for request, answer in zip(requests, made, strict=True)
            for choice in answer.choices
        ]
        return {
            **frame("cmpl", "text_completion", model),
            "choices": [{"index": index, **choice} for index, choice in enumerate(choices)],
            "usage": usage_of(*made),
        }

    def whole(self, exchange: Exchange, made: Generation) -> Json:
        return self.whole_all(exchange.model, [_completion(exchange)], [made])

    async def parts(
        self, exchange: Exchange, deltas: AsyncGenerator[Delta, None]
    ) -> AsyncGenerator[Json, None]:
        """Of one prompt; chunks, the one with the usage included where it was asked for."""
        requests, wanted = [_completion(exchange)], includes_usage(exchange.body)
        chunks = CompletionChunks(exchange.model, requests, includes_usage=wanted)
        async with aclosing(deltas):
            async for delta in deltas:
                for chunk in chunks.of(0, delta):
                    yield chunk
        for chunk in chunks.end():
            yield chunk


def _completion(exchange: Exchange) -> CompletionRequest:
    if not isinstance(exchange.request, CompletionRequest):
        raise TypeError("This exchange is not of a completion.")
    return exchange.request


def _served(body: Json) -> Json:
    """Without the members that are served only where they change nothing."""
    for name, harmless in (("best_of", (None, 1)), ("suffix", (None, ""))):
        if body.get(name) not in harmless:
            raise InvalidRequest(f"{name} is not served; leave it out.", param=name)
    return {name: value for name, value in body.items() if name not in ("best_of", "suffix")}


def _prompts(given: str | Sequence[int] | Sequence[str] | Sequence[list[int]]) -> list[object]:
    if isinstance(given, str) or (given and isinstance(given[0], int)):
        return [given]
    return list(given)


def _choice(request: CompletionRequest, answer: Generation, choice: Choice) -> Json:
    begun = begun_of(request, answer.prompt_tokens)
    tokens = choice.tokens if request.logprobs is not None else None
    if tokens is not None and request.echo:
        tokens = [*(answer.prompt_tokens or ()), *tokens]
    return {
        "text": begun + choice.text,
        "logprobs": completion_logprobs(tokens),
        "finish_reason": FINISHES[choice.finish_reason],
    }
