"""A guess of what a request will take, before anything has counted its tokens."""

from contracts.generation.client import GenerateRequest
from contracts.generation.requests import ChatRequest

_CHARACTERS = 4  # of a token, in prose


def tokens_of(request: GenerateRequest, typical_output: int) -> int:
    """Input, and output of all answers; at least 1."""
    output = request.max_tokens if request.max_tokens is not None else typical_output
    return max(1, _input(request)) + output * request.n


def _input(request: GenerateRequest) -> int:
    if isinstance(request, ChatRequest):
        return sum(len(message.text) for message in request.messages) // _CHARACTERS
    prompt = request.prompt
    return len(prompt) // _CHARACTERS if isinstance(prompt, str) else len(prompt)
