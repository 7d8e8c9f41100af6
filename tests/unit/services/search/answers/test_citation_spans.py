"""Invariants of citation spans, over any text and any way of cutting it into fragments."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from services.search.service.answers.citations import Citation, TextPart, cite, cite_stream
from services.search.service.answers.passage import Passage

PASSAGES = [
    Passage("Tickets cost 7 euros. The tower has 198 steps.", "s3://b/a", 100, 146, 3),
    Passage("Das Café öffnet um 9 Uhr 🙂. Ǹo̱ dogs. 塔は高い。階段は198段。", "s3://b/b", 0, 44),
    Passage("The tower has 198 steps. It is open in May.", "s3://b/c"),
]
PIECES = st.sampled_from(
    [
        "Tickets cost 7 euros", "The tower has 198 steps", "Das Café öffnet um 9 Uhr 🙂", "e\u0301",
        "👩‍👩‍👧", "塔は高い。", ".", ". ", "! ", "\n\n", "\n", "  ", " [1]", "[2]", "[1, 3]", "[9]",
        "[", "]", "[12", "[source 1]", "- item", "U.S. ", "\u200b",
        "Sorry, I am unable to assist you with this request.",
    ]
)  # fmt: skip
ANSWERS = st.lists(PIECES, max_size=30).map("".join)


def run(fragments: Sequence[str]) -> list[TextPart | Citation]:
    async def source() -> AsyncIterator[str]:
        for fragment in fragments:
            yield fragment

    async def collect() -> list[TextPart | Citation]:
        return [event async for event in cite_stream(source(), PASSAGES)]

    return asyncio.run(collect())


def cut(text: str, sizes: Sequence[int]) -> list[str]:
    parts, at = [], 0
    for size in sizes:
        parts.append(text[at : at + size])
        at += size
    return [*parts, text[at:]]


@settings(max_examples=200)
@given(ANSWERS)
def test_spans_are_ordered_do_not_overlap_and_hold_their_text(answer: str) -> None:
    found = asyncio.run(cite(answer, PASSAGES))
    last = -1
    for citation in found.citations:
        assert citation.start > last
        assert found.text[citation.start : citation.end + 1] == citation.text
        assert citation.text == citation.text.strip() != ""
        last = citation.end


@settings(max_examples=100)
@given(ANSWERS)
def test_spans_cover_all_but_white_space(answer: str) -> None:
    found = asyncio.run(cite(answer, PASSAGES))
    uncovered = list(found.text)
    for citation in found.citations:
        uncovered[citation.start : citation.end + 1] = [""] * len(citation.text)
    assert "".join(uncovered).strip() == ""


@settings(max_examples=100)
@given(ANSWERS)
def test_neighbours_never_have_the_same_passages(answer: str) -> None:
    citations = asyncio.run(cite(answer, PASSAGES)).citations
    sets = [{reference.passage for reference in citation.references} for citation in citations]
    assert all(one != other for one, other in pairwise(sets))


@settings(max_examples=200)
@given(ANSWERS.map(lambda text: text * 4), st.lists(st.integers(1, 40), max_size=60))
def test_cutting_the_answer_into_fragments_changes_nothing(answer: str, sizes: list[int]) -> None:
    whole, streamed = run([answer]), run(cut(answer, sizes))
    assert [e for e in whole if isinstance(e, Citation)] == [
        e for e in streamed if isinstance(e, Citation)
    ]
    assert text_of(whole) == text_of(streamed)


@settings(max_examples=100)
@given(ANSWERS.map(lambda text: text * 3), st.lists(st.integers(1, 40), max_size=60))
def test_a_citation_follows_the_text_that_it_covers(answer: str, sizes: list[int]) -> None:
    said = ""
    for event in run(cut(answer, sizes)):
        if isinstance(event, TextPart):
            said += event.text
        else:
            assert said[event.start : event.end + 1] == event.text


def test_a_long_answer_is_cited_before_it_ends() -> None:
    events = run(["The tower has 198 steps. ", *["Nobody knows why that is so. "] * 40])
    first = next(i for i, event in enumerate(events) if isinstance(event, Citation))
    assert first < len(events) - 5


def text_of(events: Sequence[TextPart | Citation]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextPart))
