"""Cites an answer: verified references for each of its parts, as the answer is written."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace

from services.search.service.answers.judge import Judge, Reference, Similarity
from services.search.service.answers.markers import MarkerStripper
from services.search.service.answers.passage import Passage
from services.search.service.answers.sentences import Sentence, SentenceReader


@dataclass(frozen=True, slots=True)
class TextPart:
    """Text of the answer, without markers."""

    text: str


@dataclass(frozen=True, slots=True)
class Citation:
    """`answer[start : end + 1] == text`, in code points; no references where nothing supports."""

    start: int
    end: int
    """Inclusive, as in RetrieveAndGenerate."""
    text: str
    references: tuple[Reference, ...]


@dataclass(frozen=True, slots=True)
class CitedAnswer:
    text: str
    citations: tuple[Citation, ...]

    @property
    def groundedness(self) -> float:
        """The share of the answer's code points that references support, 0 for an empty one."""
        total = sum(len(citation.text) for citation in self.citations)
        held = sum(len(citation.text) for citation in self.citations if citation.references)
        return held / total if total else 0.0


async def cite(
    answer: str,
    passages: Sequence[Passage],
    *,
    question: str = "",
    similarity: Similarity | None = None,
) -> CitedAnswer:
    """Strips the markers of a whole answer and cites it."""

    async def once() -> AsyncIterator[str]:
        yield answer

    texts: list[str] = []
    citations: list[Citation] = []
    async for event in cite_stream(once(), passages, question=question, similarity=similarity):
        if isinstance(event, TextPart):
            texts.append(event.text)
        else:
            citations.append(event)
    return CitedAnswer("".join(texts), tuple(citations))


async def cite_stream(
    fragments: AsyncIterator[str],
    passages: Sequence[Passage],
    *,
    question: str = "",
    similarity: Similarity | None = None,
) -> AsyncGenerator[TextPart | Citation, None]:
    """The text as it comes, and each citation after the text that it covers.

    Citations are ordered, do not overlap, and cover all but white space. They do not depend on
    how the fragments are cut.
    """
    judge = await asyncio.to_thread(Judge, passages, question, similarity)
    stripper, reader, merger = MarkerStripper(), SentenceReader(), _Merger()
    async for fragment in fragments:
        text, marks = stripper.feed(fragment)
        if text:
            yield TextPart(text)
        for sentence in reader.feed(text, marks):
            for citation in merger.add(sentence, await judge.references(sentence)):
                yield citation
    text, marks = stripper.finish()
    if text:
        yield TextPart(text)
    for sentence in (*reader.feed(text, marks), *reader.finish()):
        for citation in merger.add(sentence, await judge.references(sentence)):
            yield citation
    for citation in merger.finish():
        yield citation


class _Merger:
    """Joins neighbouring sentences with the same passages into one citation."""

    def __init__(self) -> None:
        self._open: Citation | None = None

    def add(self, sentence: Sentence, references: tuple[Reference, ...]) -> list[Citation]:
        """The citation that this sentence closes, if any."""
        new = Citation(sentence.start, sentence.end - 1, sentence.text, references)
        current, self._open = self._open, new
        if current is None:
            return []
        if _passages(current) != _passages(new):
            return [current]
        self._open = Citation(
            start=current.start,
            end=new.end,
            text=current.text + sentence.gap + new.text,
            references=_joined(current.references, references),
        )
        return []

    def finish(self) -> list[Citation]:
        return [self._open] if self._open is not None else []


def _passages(citation: Citation) -> list[int]:
    return [reference.passage for reference in citation.references]


def _joined(ones: tuple[Reference, ...], others: tuple[Reference, ...]) -> tuple[Reference, ...]:
    """References to the same passages, widened to the support of both."""
    return tuple(
        replace(
            one,
            source_start=_either(min, one.source_start, other.source_start),
            source_end=_either(max, one.source_end, other.source_end),
        )
        for one, other in zip(ones, others, strict=True)
    )


def _either(choose: Callable[[int, int], int], one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else choose(one, other)
