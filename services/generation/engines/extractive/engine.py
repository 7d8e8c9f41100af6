"""The default engine: quotes the sentences that answer, and says nothing where none does."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from contracts.generation import ChatDelta, ChatRequest, ChatResponse, FinishReason
from kit.catalogue import ModelEntry
from kit.text.followups import stand_alone
from services.generation.engines.extractive.answering import answer
from services.generation.engines.extractive.prompt import read_prompt

REFUSAL = "Sorry, I am unable to assist you with this request."
NO_PASSAGES = (
    f"{REFUSAL} This answerer is not a language model: it only quotes passages, and the request"
    " has none. Send `passages`, or mark them in the prompt as <context>...</context>."
)


@dataclass(frozen=True, slots=True)
class _Answer:
    sentences: list[str]
    reason: FinishReason
    read: int
    """Words of the question and the passages."""


class ExtractiveEngine:
    """Deterministic and without a model. A token here is a word between white space."""

    async def chat(self, model: ModelEntry, request: ChatRequest) -> ChatResponse:
        found = await asyncio.to_thread(_answer, request)
        text = " ".join(found.sentences)
        return ChatResponse(
            text=text,
            finish_reason=found.reason,
            input_tokens=found.read,
            output_tokens=len(text.split()),
            model=model.id,
        )

    async def stream(
        self, model: ModelEntry, request: ChatRequest
    ) -> AsyncGenerator[ChatDelta, None]:
        """A sentence at a time."""
        found = await asyncio.to_thread(_answer, request)
        for index, sentence in enumerate(found.sentences):
            yield ChatDelta(text=f" {sentence}" if index else sentence)
        yield ChatDelta(
            finish_reason=found.reason,
            input_tokens=found.read,
            output_tokens=sum(len(sentence.split()) for sentence in found.sentences),
            model=model.id,
        )

    async def close(self) -> None:
        """It holds nothing."""


def _answer(request: ChatRequest) -> _Answer:
    question, passages = _inputs(request)
    read = len(question.split()) + sum(len(passage.split()) for passage in passages)
    if not passages and request.passages is None:
        return _Answer([NO_PASSAGES], "refusal", read)
    earlier = [message.content for message in request.messages[:-1] if message.role == "user"]
    sentences = answer(stand_alone(question, earlier), passages)
    if not sentences:
        return _Answer([REFUSAL], "refusal", read)
    kept, reason = _bounded(sentences, request)
    return _Answer(kept, reason, read)


def _inputs(request: ChatRequest) -> tuple[str, list[str]]:
    last = request.messages[-1].content
    if request.passages is not None:
        return request.question or last, request.passages
    reading = read_prompt(request.messages)
    if reading is None:
        return request.question or last, []
    return request.question or reading.question, list(reading.passages)


def _bounded(sentences: list[str], request: ChatRequest) -> tuple[list[str], FinishReason]:
    """Cut before the first stop sequence, and after `max_tokens` words."""
    kept: list[str] = []
    left = request.max_tokens
    for sentence in sentences:
        cut = min((at for stop in request.stop if (at := sentence.find(stop)) >= 0), default=None)
        words = sentence[:cut].split()
        if left is not None and len(words) > left:
            return [*kept, " ".join(words[:left])] if left else kept, "length"
        kept.append(" ".join(words))
        if cut is not None:
            return [one for one in kept if one], "stop"
        left = None if left is None else left - len(words)
    return kept, "stop"
