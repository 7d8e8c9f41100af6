"""Claude's older text completion: a prompt of turns that begin with `Human:` and `Assistant:`.

Each model has a template of its own, so the turns go to it as a chat.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from contracts.generation.answers import Delta, FinishReason, Generation
from contracts.generation.messages import ChatMessage
from contracts.generation.requests import ChatRequest
from dialects.bedrock.progress import Progress, chunks
from dialects.bedrock.turns import continues
from dialects.body import Json, Members, built
from dialects.dialect import Exchange
from kit.errors import InvalidRequest

_HUMAN, _ASSISTANT = "\n\nHuman:", "\n\nAssistant:"
_MEMBERS = {
    "prompt", "max_tokens_to_sample", "anthropic_version", "temperature", "top_p", "top_k",
    "stop_sequences",
}  # fmt: skip


class ClaudeText:
    """TextDialect."""

    def read(self, model: str, body: Json) -> ChatRequest:
        members = Members(body, _MEMBERS)
        turns = _turns(members.text("prompt"))
        return built(
            ChatRequest,
            model=model,
            messages=turns,
            continues=continues(turns),
            max_tokens=members.tokens("max_tokens_to_sample", 200),
            temperature=members.number("temperature", 0, 1),
            top_p=members.nucleus("top_p"),
            top_k=members.likeliest("top_k"),
            # The end of a turn is the template's to tell: it needs no stop sequence.
            stop=[stop for stop in members.stops("stop_sequences") if stop != _HUMAN],
        )

    def whole(self, exchange: Exchange, made: Generation) -> Json:
        return _completion(f" {made.text}", *_ending(made.first.finish_reason, made.first.stop))

    async def parts(
        self, exchange: Exchange, deltas: AsyncGenerator[Delta, None]
    ) -> AsyncGenerator[Json, None]:
        is_first = True
        async with aclosing(chunks(exchange, deltas, _piece, _last)) as made:
            async for chunk in made:
                # The answer follows `Assistant:` with a space, as Claude writes it.
                lead, is_first = (" " if is_first else ""), False
                yield {**chunk, "completion": lead + chunk["completion"]}


def _piece(delta: Delta, _: Progress) -> Json:
    return _completion(delta.text, None, None)


def _last(progress: Progress) -> Json:
    return _completion("", *_ending(progress.reason(), progress.stop))


def _completion(text: str, reason: str | None, stop: str | None) -> Json:
    return {"type": "completion", "completion": text, "stop_reason": reason, "stop": stop}


def _ending(reason: FinishReason, stop: str | None) -> tuple[str, str | None]:
    """The end of a turn is told as the sequence that Claude itself would stop at."""
    return ("max_tokens", None) if reason == "length" else ("stop_sequence", stop or _HUMAN)


def _turns(prompt: str) -> list[ChatMessage]:
    body = prompt if prompt.startswith("\n\n") else f"\n\n{prompt}"
    if _HUMAN not in body or _ASSISTANT not in body:
        raise InvalidRequest(
            'Invalid prompt: it must start with "\\n\\nHuman:" and end with "\\n\\nAssistant:".',
            param="prompt",
        )
    system, *asked = body.split(_HUMAN)
    turns = [built(ChatMessage, role="system", content=system.strip())] if system.strip() else []
    for part in asked:
        question, _, answer = part.partition(_ASSISTANT)
        turns.append(built(ChatMessage, role="user", content=question.strip()))
        if answer.strip():
            turns.append(built(ChatMessage, role="assistant", content=answer.strip()))
    return turns
