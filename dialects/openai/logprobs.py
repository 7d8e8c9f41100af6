"""The tokens of an answer and what else was likely, as chats and completions tell of them."""

from collections.abc import Sequence

from contracts.generation.answers import Token
from dialects.body import Json

_UNKNOWN = -9999.0  # OpenAI's way to say that nothing is known of a probability


def chat_logprobs(tokens: Sequence[Token] | None) -> Json | None:
    if tokens is None:
        return None
    content = [
        {
            **_likely(token.text, token.logprob),
            "top_logprobs": [_likely(one.text, one.logprob) for one in token.likeliest],
        }
        for token in tokens
    ]
    return {"content": content, "refusal": None}


def _likely(text: str, logprob: float | None) -> Json:
    return {
        "token": text,
        "logprob": _UNKNOWN if logprob is None else logprob,
        "bytes": list(text.encode()),
    }


def completion_logprobs(tokens: Sequence[Token] | None, offset: int = 0) -> Json | None:
    """`offset` is where the first token begins in the text that the client puts together."""
    if tokens is None:
        return None
    offsets = []
    for token in tokens:
        offsets.append(offset)
        offset += len(token.text)
    return {
        "tokens": [token.text for token in tokens],
        "token_logprobs": [token.logprob for token in tokens],
        "top_logprobs": [_top(token) for token in tokens],
        "text_offset": offsets,
    }


def _top(token: Token) -> dict[str, float] | None:
    """None for the first token of a prompt, which nothing precedes."""
    if token.logprob is None:
        return None
    return {one.text: one.logprob for one in token.likeliest}
