"""The OpenAI wire: what a model server's error answers mean to our callers."""

import re
from typing import Any

import orjson

from contracts.generation.client import GenerateRequest
from contracts.generation.requests import ChatRequest
from kit.errors import (
    DeadlineExceeded,
    Interrupted,
    InvalidRequest,
    PayloadTooLarge,
    PlatformError,
    Unavailable,
    UpstreamFailed,
)
from services.generation.service.routing.admin import RequestBroke

_MESSAGE_LENGTH = 500
_DYING = "EngineCore encountered an issue"
"""What a vLLM server that goes down says to all whose requests it had."""
_OF_IMAGES = re.compile(r"image|multi-?modal|vision|content type", re.IGNORECASE)


class NotServed(UpstreamFailed):
    """The server does not have the model that it was asked for."""


def refused(status: int, answer: bytes, retry_after: str | None) -> PlatformError:
    message = message_of(_lenient(answer))
    if status in (401, 403):
        return UpstreamFailed(
            "The model server refused the platform's key; set GENERATION_OPENAI_API_KEY."
        )
    if status == 404:
        return NotServed(f"The model server does not serve this model: {message}")
    if status == 413:
        return PayloadTooLarge(f"The model server finds the request too large: {message}")
    if status in (400, 422):
        return InvalidRequest(f"The model server cannot take the request: {message}")
    if status in (408, 504):
        return DeadlineExceeded("The model server did not answer in time.")
    if status in (429, 502, 503, 529):
        return Unavailable(
            "The model server is busy or starting; try again.", retry_after=_seconds(retry_after)
        )
    if _DYING in message:
        return Interrupted("The model server broke off.", retry_after=1)
    return RequestBroke(f"The model server answered {status}: {message}")


def refused_within(error: Any, event: bytes) -> PlatformError:
    """What an event of a stream tells that takes an answer's place; vLLM gives it a status.

    It looks at a grammar, say, only once a stream has begun. Whose request breaks so has no part in
    whether the server is sound, unless it says that it goes down.
    """
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, int) and 400 <= code < 500:
        return refused(code, event, None)
    message = message_of({"error": error})
    kind = RequestBroke if code == 500 and _DYING not in message else UpstreamFailed
    return kind(f"The model server broke off: {message}")


def about_images(error: InvalidRequest, request: GenerateRequest) -> InvalidRequest | None:
    """With the caller's own name of the image, where that is what the server cannot take."""
    images = request.images if isinstance(request, ChatRequest) else []
    if not images or not _OF_IMAGES.search(error.message):
        return None
    place = images[0].place
    return InvalidRequest(f"{place}: {error.message}", param=place)


def message_of(told: dict[str, Any]) -> str:
    error = told.get("error", told)
    said = error.get("message") if isinstance(error, dict) else error
    return str(said or told.get("detail") or "it gave no reason.")[:_MESSAGE_LENGTH]


def _lenient(answer: bytes) -> dict[str, Any]:
    try:
        told = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}


def _seconds(retry_after: str | None) -> float:
    try:
        return min(max(float(retry_after or 1), 0.0), 3600.0)
    except ValueError:  # an HTTP date
        return 1.0
