"""One invocation of a text endpoint, from its bytes to the bytes of its answer."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import orjson

from contracts.generation.answers import Delta, Generation
from contracts.generation.client import GenerateRequest
from contracts.generation.invocations import Form as FormName
from contracts.generation.invocations import Target
from dialects.body import Json, read_body
from dialects.dialect import Exchange, TextDialect
from dialects.openai.chat import ChatDialect
from dialects.openai.completions import CompletionDialect
from dialects.sagemaker.adapters import adapters_of
from dialects.sagemaker.form import Form
from dialects.sagemaker.invocation import Invocation, read, wants_stream
from dialects.sagemaker.lmi import Lmi
from dialects.sagemaker.said import Said
from dialects.sagemaker.tgi import LmiOnVllm, Tgi

FORMS: Mapping[FormName, Form] = {
    "lmi": Lmi(),
    "lmi-sse": Lmi(sse=True),
    "lmi-vllm": LmiOnVllm(),
    "tgi": Tgi(),
}
_CHAT, _COMPLETION = ChatDialect(), CompletionDialect()
_EVENTS = "text/event-stream"


@dataclass(frozen=True, slots=True)
class TextExchange:
    """`requests` are to be answered in order; a stream has one. `is_stream` as the body wants."""

    requests: tuple[GenerateRequest, ...]
    whole: Callable[[Sequence[Generation]], bytes]
    stream: Callable[[AsyncGenerator[Delta, None]], AsyncGenerator[bytes, None]]
    stream_type: str
    is_stream: bool


def exchange(target: Target, said: Said, raw: bytes, *, stream: bool = False) -> TextExchange:
    """`stream` as the operation wants it. Raises InvalidRequest, PermissionDenied for terms.

    A body with `messages` or `prompt` is OpenAI's, which the containers take at the same path.
    """
    said.check_terms(target.terms)
    body = read_body(raw)
    form = FORMS[target.form]
    streams = stream or wants_stream(body)
    if body.get("messages") is not None:
        return _openai(form, _CHAT, target, said, {**body, "stream": streams})
    if body.get("prompt") is not None:
        return _openai(form, _COMPLETION, target, said, {**body, "stream": streams})
    asked = read(target, said, body, stream=streams)
    return TextExchange(
        requests=asked.requests,
        whole=lambda made: orjson.dumps(_whole(form, asked, made)),
        stream=lambda deltas: form.stream(asked, deltas),
        stream_type=form.stream_type,
        is_stream=streams,
    )


def _whole(form: Form, asked: Invocation, made: Sequence[Generation]) -> object:
    """Dialogues are answered as the containers of Llama 2 do, whatever the form."""
    if asked.dialogues:
        return [{"generation": {"role": "assistant", "content": one.text}} for one in made]
    return form.whole(asked, made)


def _openai(
    form: Form, dialect: TextDialect, target: Target, said: Said, body: Json
) -> TextExchange:
    own = {name: value for name, value in body.items() if name not in ("adapters", "adapter")}
    named = body
    if body.get("adapters") is None:
        named = {**body, "adapters": body.get("adapter")}
    (adapter,) = adapters_of(target, said, named, 1)
    request = dialect.read(target.model, own)
    reached = {"model": target.model, "component": target.component, "adapter": adapter}
    asked = Exchange(target.model, own, request.model_copy(update=reached))
    return TextExchange(
        requests=(asked.request,),
        whole=lambda made: orjson.dumps(dialect.whole(asked, made[0])),
        stream=lambda deltas: _chunks(form, dialect.parts(asked, deltas)),
        stream_type=form.stream_type,
        is_stream=body["stream"],
    )


async def _chunks(form: Form, parts: AsyncGenerator[Json, None]) -> AsyncGenerator[bytes, None]:
    """As lines; as events, with an end mark, where the form streams events."""
    is_events = form.stream_type == _EVENTS
    async with aclosing(parts):
        async for part in parts:
            line = orjson.dumps(part)
            yield b"data: " + line + b"\n\n" if is_events else line + b"\n"
    if is_events:
        yield b"data: [DONE]\n\n"
