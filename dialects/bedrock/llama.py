"""Llama 2 and 3: a prompt in the template that the caller writes, from 3.2 on with images."""

import re
from collections.abc import AsyncGenerator
from itertools import islice
from typing import Literal, cast

from contracts.generation.answers import Delta, FinishReason, Generation
from contracts.generation.client import GenerateRequest
from contracts.generation.messages import ChatMessage, ImagePart, TextPart
from contracts.generation.requests import ChatRequest, CompletionRequest
from dialects.bedrock.progress import Progress, chunks
from dialects.body import Json, Members, built, malformed
from dialects.dialect import Exchange
from dialects.images import image

_MEMBERS = {"prompt", "max_gen_len", "temperature", "top_p", "images"}
_TURN = re.compile(
    r"<\|start_header_id\|>(system|user|assistant)<\|end_header_id\|>\s*"
    r"(.*?)(?=<\|start_header_id\|>|\Z)",
    re.DOTALL,
)
_MARKS = re.compile(r"<\|(?:begin_of_text|eot_id|eom_id|end_of_text)\|>")
_IMAGE = "<|image|>"
_Role = Literal["system", "user", "assistant"]


class Llama:
    """TextDialect."""

    def read(self, model: str, body: Json) -> GenerateRequest:
        members = Members(body, _MEMBERS)
        prompt = members.text("prompt", least=1)
        sampling = {
            "model": model,
            "max_tokens": members.tokens("max_gen_len", 512),
            "temperature": members.number("temperature", 0, 1),
            "top_p": members.nucleus("top_p"),
        }
        images = [image(one, where) for where, one in members.items("images")]
        if not images:
            return built(CompletionRequest, prompt=prompt, **sampling)
        return built(ChatRequest, messages=_messages(prompt, images), **sampling)

    def whole(self, exchange: Exchange, made: Generation) -> Json:
        return _generation(
            made.text, made.input_tokens, made.output_tokens, _reason(made.first.finish_reason)
        )

    def parts(
        self, exchange: Exchange, deltas: AsyncGenerator[Delta, None]
    ) -> AsyncGenerator[Json, None]:
        return chunks(exchange, deltas, _piece, _last)


def _piece(delta: Delta, progress: Progress) -> Json:
    read, written = progress.input_tokens or None, progress.output_tokens or None
    return _generation(delta.text, read, written, None)


def _last(progress: Progress) -> Json:
    return _generation(
        "", progress.input_tokens, progress.output_tokens, _reason(progress.reason())
    )


def _generation(text: str, read: int | None, written: int | None, reason: str | None) -> Json:
    return {
        "generation": text,
        "prompt_token_count": read,
        "generation_token_count": written,
        "stop_reason": reason,
    }


def _reason(reason: FinishReason) -> str:
    return "length" if reason == "length" else "stop"


def _messages(prompt: str, images: list[ImagePart]) -> list[ChatMessage]:
    """The turns of the template, for engines take images in chats only."""
    if prompt.count(_IMAGE) not in (0, len(images)):
        raise malformed(f"[images] must be as many as the marks {_IMAGE} of the prompt", "images")
    turns = [(role, _MARKS.sub("", text).strip()) for role, text in _TURN.findall(prompt)]
    turns = [turn for turn in turns if turn[1]] or [("user", _MARKS.sub("", prompt).strip())]
    shares = _shares([text.count(_IMAGE) for _, text in turns], images)
    users = [at for at, (role, _) in enumerate(turns) if role == "user"]
    # Marks before the first turn, and images without marks, go with what the user says first.
    shares[users[0] if users else 0] += images[sum(map(len, shares)) :]
    return [_message(role, text, own) for (role, text), own in zip(turns, shares, strict=True)]


def _shares(counts: list[int], images: list[ImagePart]) -> list[list[ImagePart]]:
    left = iter(images)
    return [list(islice(left, count)) for count in counts]


def _message(role: str, text: str, images: list[ImagePart]) -> ChatMessage:
    said = text.replace(_IMAGE, "")
    content = [*images, TextPart(text=said)] if images else said
    return ChatMessage(role=cast(_Role, role), content=content)
