"""What OpenAI's chat and completion objects have in common: usage, reasons, the frame around."""

from time import time

from uuid_utils import uuid4

from contracts.generation.answers import Generation, Usage
from dialects.body import Json

FINISHES = {
    "stop": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "refusal": "stop",
}


def frame(prefix: str, kind: str, model: str) -> Json:
    """What every chunk of an answer repeats."""
    return {
        "id": f"{prefix}-{uuid4().hex}",
        "object": kind,
        "created": int(time()),
        "model": model,
        "system_fingerprint": None,
    }


def usage_of(*made: Generation | Usage) -> Json:
    """The sum of several answers to one request."""
    read = sum(one.input_tokens for one in made)
    written = sum(one.output_tokens for one in made)
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
        "prompt_tokens_details": {"cached_tokens": sum(one.cached_tokens for one in made)},
    }
