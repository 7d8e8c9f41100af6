"""The answers to one or several prompts as chunks, as they come."""

from collections.abc import Sequence

from contracts.generation.answers import Delta, Token, Usage
from contracts.generation.requests import CompletionRequest
from dialects.body import Json
from dialects.openai.answers import FINISHES, frame, usage_of
from dialects.openai.logprobs import completion_logprobs


class CompletionChunks:
    """Of one stream to a client; keeps how much text each choice has had."""

    def __init__(
        self, model: str, requests: Sequence[CompletionRequest], *, includes_usage: bool
    ) -> None:
        self._head = frame("cmpl", "text_completion", model)
        if includes_usage:
            self._head["usage"] = None
        self._requests, self._includes_usage = requests, includes_usage
        self._written: dict[int, int] = {}
        self._usages: list[Usage] = []

    def of(self, position: int, delta: Delta) -> list[Json]:
        """What a part of the answer to the prompt at `position` adds."""
        if delta.usage is not None:
            self._usages.append(delta.usage)
        if not delta.text and delta.tokens is None and delta.finish_reason is None:
            return []
        request = self._requests[position]
        index = position * request.n + delta.index
        text = delta.text
        tokens = delta.tokens if request.logprobs is not None else None
        if index not in self._written:
            text = begun_of(request, delta.prompt_tokens) + text
            if request.echo and tokens is not None:
                tokens = [*(delta.prompt_tokens or ()), *tokens]
        offset = self._written.get(index, 0)
        self._written[index] = offset + len(text)
        choice = {
            "index": index,
            "text": text,
            "logprobs": completion_logprobs(tokens, offset),
            "finish_reason": FINISHES.get(delta.finish_reason or ""),
        }
        return [{**self._head, "choices": [choice]}]

    def end(self) -> list[Json]:
        """The usage, of all prompts together, where it was asked for."""
        if not self._includes_usage:
            return []
        return [{**self._head, "choices": [], "usage": usage_of(*self._usages)}]


def begun_of(request: CompletionRequest, tokens: Sequence[Token] | None) -> str:
    """What an answer begins with: its prompt, with `echo`; no engine puts it there."""
    if not request.echo:
        return ""
    if isinstance(request.prompt, str):
        return request.prompt
    return "".join(token.text for token in tokens or ())
