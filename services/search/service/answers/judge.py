"""Decides which passages support a sentence of an answer, and where in their sources."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from services.search.service.answers.passage import Passage
from services.search.service.answers.sentences import Sentence
from services.search.service.answers.support import Claim, Evidence, Support

Similarity: TypeAlias = Callable[[str, Sequence[str]], Awaitable[Sequence[float]]]
"""Cosines of a text to each of some others, by an embedding model."""

SOURCE_START = "x-undercroft-source-start"
SOURCE_END = "x-undercroft-source-end"
SOURCE_PAGE = "x-undercroft-source-page"

_OVERLAP = 0.5  # of a claim's words that a passage must have to support it
_UNMARKED_OVERLAP = 0.65  # when the model did not cite the passage itself
_PARAPHRASE_OVERLAP = 0.25  # enough where the embeddings are close
_CLOSE = 0.6  # a cosine
_VERBATIM = 0.95
_MOST_REFERENCES = 3
_REFUSAL = re.compile(
    r"unable to assist you with this request|(?:could|can) ?not find an? (?:exact )?answer"
    r"|\bI (?:do not|don['’]t) (?:know|have enough)"  # noqa: RUF001
    r"|(?:search results|passages|context|documents?) (?:do|does) not (?:contain|hold|provide)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Reference:
    """`passage` counts from 0. The offsets are of the best supporting sentences in the source."""

    passage: int
    source_start: int | None
    source_end: int | None
    """Exclusive."""
    page: int | None

    def metadata(self) -> dict[str, int]:
        """The metadata keys that tell a client where in the source the support stands."""
        told = ((SOURCE_START, self.source_start), (SOURCE_END, self.source_end))
        return {key: value for key, value in (*told, (SOURCE_PAGE, self.page)) if value is not None}


class Judge:
    """Decides which passages support a sentence; it trusts no marker."""

    def __init__(
        self, passages: Sequence[Passage], question: str, similarity: Similarity | None
    ) -> None:
        self._passages = passages
        self._evidence = [Evidence(passage.text) for passage in passages]
        self._question = question
        self._similarity = similarity

    async def references(self, sentence: Sentence) -> tuple[Reference, ...]:
        if _REFUSAL.search(sentence.text):
            return ()
        claim = Claim(sentence.text, self._question)
        marked = [number - 1 for number in sentence.numbers if 1 <= number <= len(self._passages)]
        held = await self._supporting(claim, sentence.text, marked, _OVERLAP)
        if not held and claim.says_something:
            every = range(len(self._passages))
            held = _best(await self._supporting(claim, sentence.text, every, _UNMARKED_OVERLAP))
        return tuple(self._reference(index, held[index]) for index in sorted(held))

    async def _supporting(
        self, claim: Claim, text: str, candidates: Sequence[int], enough: float
    ) -> dict[int, Support]:
        found = {
            index: best
            for index in candidates
            if (best := self._evidence[index].best(claim)) is not None
        }
        held = {index: best for index, best in found.items() if best.overlap >= enough}
        unsure = [
            index
            for index, best in found.items()
            if index not in held and best.overlap >= _PARAPHRASE_OVERLAP
        ]
        if unsure and self._similarity is not None:
            windows = [found[index].window.text for index in unsure]
            cosines = await self._similarity(text, windows)
            held |= {
                index: found[index]
                for index, cosine in zip(unsure, cosines, strict=True)
                if cosine >= _CLOSE
            }
        return held

    def _reference(self, index: int, support: Support) -> Reference:
        passage, window = self._passages[index], support.window
        start, end = passage.source_start, passage.source_end
        if start is not None and end is not None and end - start == len(passage.text):
            start, end = start + window.start, start + window.end
        return Reference(index, start, end, passage.page)


def _best(held: dict[int, Support]) -> dict[int, Support]:
    """The passage with the most of the claim, and those that have it word for word too."""
    if not held:
        return {}
    ranked = sorted(held, key=lambda index: (-held[index].overlap, index))
    chosen = [i for i in ranked if i == ranked[0] or held[i].overlap >= _VERBATIM]
    return {index: held[index] for index in chosen[:_MOST_REFERENCES]}
