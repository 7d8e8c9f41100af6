"""The default engine: quotes the sentences that answer, and says nothing where none does."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from contracts.generation.answers import Choice, Delta, FinishReason, Generation, Usage
from contracts.generation.messages import ChatMessage
from contracts.generation.requests import ChatRequest
from kit.errors import InvalidRequest
from kit.text.followups import stand_alone
from services.generation.engines.extractive.answering import answer
from services.generation.engines.extractive.prompt import read_prompt
from services.generation.ports import Asked

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
    stop: str | None = None


class ExtractiveEngine:
    """Deterministic and without a model. A token here is a word between white space."""

    async def generate(self, asked: Asked) -> Generation:
        found = await asyncio.to_thread(_answer, _chat(asked))
        text = " ".join(found.sentences)
        return Generation(
            choices=[Choice(text=text, finish_reason=found.reason, stop=found.stop)],
            input_tokens=found.read,
            output_tokens=len(text.split()),
            model=asked.model.id,
        )

    async def stream(self, asked: Asked) -> AsyncGenerator[Delta, None]:
        """A sentence at a time."""
        found = await asyncio.to_thread(_answer, _chat(asked))
        for index, sentence in enumerate(found.sentences):
            yield Delta(text=f" {sentence}" if index else sentence)
        yield Delta(
            finish_reason=found.reason,
            stop=found.stop,
            usage=Usage(
                input_tokens=found.read,
                output_tokens=sum(len(sentence.split()) for sentence in found.sentences),
                model=asked.model.id,
            ),
        )

    async def count_tokens(self, asked: Asked) -> int:
        """The words of all messages."""
        return sum(len(message.text.split()) for message in _chat(asked).messages)

    async def close(self) -> None:
        """It holds nothing."""


def _chat(asked: Asked) -> ChatRequest:
    """A completion's prompt is read as what a user says.

    Raises InvalidRequest for token ids and for images.
    """
    request = asked.request
    if isinstance(request, ChatRequest):
        for image in request.images:
            place = image.place
            raise InvalidRequest(f"{place}: this answerer reads text, not images.", param=place)
        return request
    if not isinstance(request.prompt, str):
        raise InvalidRequest("The extractive answerer reads text, not token ids.", param="prompt")
    return ChatRequest(
        messages=[ChatMessage(role="user", content=request.prompt)],
        **request.model_dump(exclude={"prompt", "echo"}),
    )


def _answer(request: ChatRequest) -> _Answer:
    question, passages = _inputs(request)
    read = len(question.split()) + sum(len(passage.split()) for passage in passages)
    if not passages and request.passages is None:
        return _Answer([NO_PASSAGES], "refusal", read)
    earlier = [message.text for message in request.messages[:-1] if message.role == "user"]
    sentences = answer(stand_alone(question, earlier), passages)
    if not sentences:
        return _Answer([REFUSAL], "refusal", read)
    kept, reason, stop = _bounded(sentences, request)
    return _Answer(kept, reason, read, stop)


def _inputs(request: ChatRequest) -> tuple[str, list[str]]:
    last = request.messages[-1].text
    if request.passages is not None:
        return request.question or last, request.passages
    reading = read_prompt(request.messages)
    if reading is None:
        return request.question or last, []
    return request.question or reading.question, list(reading.passages)


def _bounded(
    sentences: list[str], request: ChatRequest
) -> tuple[list[str], FinishReason, str | None]:
    """Cut before the first stop sequence, which is told, and after `max_tokens` words."""
    kept: list[str] = []
    left = request.max_tokens
    for sentence in sentences:
        found = [(at, stop) for stop in request.stop if (at := sentence.find(stop)) >= 0]
        cut, stop = min(found, default=(None, None))
        words = sentence[:cut].split()
        if left is not None and len(words) > left:
            return [*kept, " ".join(words[:left])] if left else kept, "length", None
        kept.append(" ".join(words))
        if cut is not None:
            return [one for one in kept if one], "stop_sequence", stop
        left = None if left is None else left - len(words)
    return kept, "stop", None
