"""The OpenAI chat wire: a request's body, and what its answers and stream events mean."""

from typing import Any

import orjson

from contracts.generation import ChatDelta, ChatRequest, ChatResponse, FinishReason
from kit.catalogue import ModelEntry
from kit.errors import (
    DeadlineExceeded,
    InvalidRequest,
    PayloadTooLarge,
    PlatformError,
    Unavailable,
    UpstreamFailed,
)

_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "refusal",
    "eos_token": "stop",
    "stop_sequence": "stop",
}
_MESSAGE_LENGTH = 500


def body(model: ModelEntry, request: ChatRequest, *, stream: bool) -> bytes:
    sent: dict[str, Any] = {
        "model": model.served_as or model.id,
        "messages": [message.model_dump() for message in request.messages],
        "stream": stream,
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "stop": request.stop or None,
    }
    if stream:
        sent["stream_options"] = {"include_usage": True}
    return orjson.dumps({name: value for name, value in sent.items() if value is not None})


def whole_answer(model: ModelEntry, answer: bytes) -> ChatResponse:
    told = _object(answer)
    try:
        choice = told["choices"][0]
        usage = told.get("usage") or {}
        return ChatResponse(
            text=choice["message"]["content"] or choice["message"].get("refusal") or "",
            finish_reason=_reason(choice["finish_reason"], choice["message"]),
            input_tokens=usage.get("prompt_tokens", 0),
            output_tokens=usage.get("completion_tokens", 0),
            model=model.id,
        )
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise _garbled() from error


class StreamReader:
    """Turns the `data:` payloads of a stream into deltas; the last comes from `finish`."""

    def __init__(self, model: ModelEntry) -> None:
        self._model = model
        self._reason: FinishReason | None = None
        self._usage: tuple[int, int] = (0, 0)

    def text_of(self, payload: bytes) -> str:
        """The text that one event adds, "" for those that only tell of reasons and counts."""
        told = _object(payload)
        if "error" in told:
            raise UpstreamFailed(f"The model server broke off: {_message(told)}")
        try:
            usage = told.get("usage")
            if usage:
                self._usage = (usage["prompt_tokens"], usage.get("completion_tokens", 0))
            if not told["choices"]:
                return ""
            choice = told["choices"][0]
            delta = choice.get("delta") or {}
            if choice.get("finish_reason") is not None:
                self._reason = _reason(choice["finish_reason"], delta)
            text = delta.get("content") or delta.get("refusal") or ""
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise _garbled() from error
        if not isinstance(text, str):
            raise _garbled()
        return text

    def finish(self) -> ChatDelta:
        """Raises UpstreamFailed when the stream ended before the model had finished."""
        if self._reason is None:
            raise UpstreamFailed("The model server's answer broke off before its end; try again.")
        read, written = self._usage
        return ChatDelta(
            finish_reason=self._reason,
            input_tokens=read,
            output_tokens=written,
            model=self._model.id,
        )


def refused(status: int, answer: bytes, retry_after: str | None) -> PlatformError:
    """What an error answer of the server means to our caller."""
    message = _message(_lenient(answer))
    if status in (401, 403):
        return UpstreamFailed(
            "The model server refused the platform's key; set GENERATION_OPENAI_API_KEY."
        )
    if status == 404:
        return UpstreamFailed(f"The model server does not serve this model: {message}")
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
    return UpstreamFailed(f"The model server answered {status}: {message}")


def _reason(said: object, message: dict[str, Any]) -> FinishReason:
    if message.get("refusal"):
        return "refusal"
    return _REASONS.get(str(said), "stop")


def _object(payload: bytes) -> dict[str, Any]:
    try:
        told = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise _garbled() from error
    if not isinstance(told, dict):
        raise _garbled()
    return told


def _lenient(answer: bytes) -> dict[str, Any]:
    try:
        told = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}


def _message(told: dict[str, Any]) -> str:
    error = told.get("error", told)
    said = error.get("message") if isinstance(error, dict) else error
    return str(said or told.get("detail") or "it gave no reason.")[:_MESSAGE_LENGTH]


def _seconds(retry_after: str | None) -> float:
    try:
        return min(max(float(retry_after or 1), 0.0), 3600.0)
    except ValueError:  # an HTTP date
        return 1.0


def _garbled() -> UpstreamFailed:
    return UpstreamFailed("The model server's answer is not in the form of the OpenAI API.")
