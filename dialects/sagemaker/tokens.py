"""Tokens as the containers tell them, and the text that each adds."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from contracts.generation.answers import Choice, Delta, FinishReason, Token

_SPECIAL = re.compile(r"</?s>|<(?:unk|pad|bos|eos)>|<\|[^|<>]{1,40}\|>|<end_of_turn>")
_REASONS: dict[FinishReason, str] = {
    "stop": "eos_token",
    "stop_sequence": "stop_sequence",
    "length": "length",
    "tool_calls": "eos_token",
    "refusal": "eos_token",
}
UNKNOWN_ID = -1
"""Of a token whose id, or whose very existence, the engine does not tell."""


def reason_of(finish: FinishReason | None) -> str | None:
    return None if finish is None else _REASONS[finish]


def is_special(token: Token) -> bool:
    return _SPECIAL.fullmatch(token.text) is not None


def pieces(delta: Delta) -> list[tuple[Token, str]]:
    """Each token with what it adds to the text: together exactly the delta's text.

    A character may need several tokens, and engines hold back what may become a stop sequence.
    """
    tokens = delta.tokens or []
    if not tokens:
        return [(Token(text=delta.text, logprob=None, id=UNKNOWN_ID), delta.text)] * bool(
            delta.text
        )
    if "".join(token.text for token in tokens) == delta.text:
        return [(token, token.text) for token in tokens]
    return [*((token, "") for token in tokens[:-1]), (tokens[-1], delta.text)]


def best_first(choices: Sequence[Choice]) -> list[Choice]:
    """By the sum of their tokens' log probabilities."""
    return sorted(choices, key=_likelihood, reverse=True) if len(choices) > 1 else list(choices)


def _likelihood(choice: Choice) -> float:
    return sum(token.logprob or 0.0 for token in choice.tokens or ())


@dataclass(slots=True)
class Written:
    """What a stream has come to."""

    text: list[str] = field(default_factory=list)
    tokens: int = 0
    input_tokens: int = 0
    reason: str | None = None

    def add(self, delta: Delta) -> None:
        self.text.append(delta.text)
        self.tokens += len(delta.tokens or ()) or delta.output_tokens
        self.input_tokens = self.input_tokens or delta.input_tokens
        self.reason = reason_of(delta.finish_reason) or self.reason
        if delta.usage is not None:
            self.tokens = delta.usage.output_tokens or self.tokens
            self.input_tokens = delta.usage.input_tokens or self.input_tokens

    @property
    def whole(self) -> str:
        return "".join(self.text)
