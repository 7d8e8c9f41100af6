import asyncio
import re
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.search.ports import Chunk, Embeddings, Page, ParsedDocument, ParsedRow
from services.search.service.chunking.chunker import chunk_document, cut_document
from services.search.service.chunking.strategy import (
    DEFAULT,
    ChunkingStrategy,
    FixedSize,
    Hierarchical,
    Semantic,
    Whole,
)
from services.search.service.chunking.windows import windows


def words(text: str) -> list[tuple[int, int]]:
    """Tokens of at most five characters of a word, like word pieces."""
    return [match.span() for match in re.finditer(r"\w{1,5}|[^\w\s]", text)]


def tokens_in(chunk: Chunk) -> int:
    return len(words(chunk.text))


class LetterEmbedder:
    """A real, tiny embedder: letter counts; sentences with other letters are far apart."""

    name, dimension, max_tokens = "letters", 26, 256

    def check_room(self, texts: Sequence[str]) -> None: ...

    async def embed(
        self,
        texts: Sequence[str],
        *,
        kind: Literal["query", "document"] = "document",
        patient: bool = False,
    ) -> Embeddings:
        vectors = np.full((len(texts), 26), 1e-3, np.float32)
        for row, text in enumerate(texts):
            for letter in text.lower():
                if "a" <= letter <= "z":
                    vectors[row, ord(letter) - 97] += 1
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return Embeddings(vectors, [len(words(text)) for text in texts])

    def count_tokens(self, text: str) -> int:
        return len(words(text))

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        return words(text)

    def decode(self, token_ids: Sequence[int]) -> str:
        raise NotImplementedError

    async def close(self) -> None:
        return None


TEXTS = st.lists(
    st.sampled_from(
        ["A short one. ", "Dr. Who met 3.14 of them! ", "\n\n", "\n", "unpunctuated words go on ",
         "今日は晴れ。", "ééé 😀😀 naïve? ", "x" * 70 + " ", "# Head\n", "- item\n", "\t\t ", "…",
         "supercalifragilistic ", "e.g. this, i.e. that; "]
    ),
    max_size=60,
).map("".join)  # fmt: skip
STRATEGIES = st.one_of(
    st.builds(FixedSize, st.integers(1, 40), st.integers(0, 99), st.booleans()),
    st.builds(
        lambda parent, child, overlap: Hierarchical(
            max(parent, child), child, min(overlap, child - 1) or 1
        ),
        st.integers(2, 60),
        st.integers(2, 20),
        st.integers(1, 10),
    ),
    st.builds(Semantic, st.integers(1, 40), st.integers(0, 1), st.integers(50, 99)),
    st.just(Whole()),
)


def cut(text: str, strategy: ChunkingStrategy, headings: tuple[int, ...] = ()) -> list[Chunk]:
    document = ParsedDocument(text, headings=headings)
    return asyncio.run(chunk_document(document, strategy, LetterEmbedder()))


@settings(max_examples=300)
@given(TEXTS, STRATEGIES)
def test_every_chunk_is_its_span_of_the_text_and_together_they_cover_it(
    text: str, strategy: ChunkingStrategy
) -> None:
    chunks = cut(text, strategy)
    covered = bytearray(len(text))
    for chunk in chunks:
        assert chunk.text == text[chunk.start : chunk.end]
        assert chunk.text == chunk.text.strip() != ""
        covered[chunk.start : chunk.end] = b"\1" * (chunk.end - chunk.start)
        if chunk.parent is not None:
            assert chunk.parent[0] <= chunk.start < chunk.end <= chunk.parent[1]
    missed = [letter for letter, seen in zip(text, covered, strict=True) if not seen]
    assert not "".join(missed).strip()


@settings(max_examples=300)
@given(TEXTS, STRATEGIES.filter(lambda strategy: not isinstance(strategy, Whole)))
def test_no_chunk_exceeds_its_tokens_and_the_order_is_kept(
    text: str, strategy: FixedSize | Hierarchical | Semantic
) -> None:
    chunks = cut(text, strategy)
    most = strategy.child_tokens if isinstance(strategy, Hierarchical) else strategy.max_tokens
    assert all(tokens_in(chunk) <= most for chunk in chunks)
    for before, after in pairwise(chunks):
        if before.parent == after.parent:
            assert before.start < after.start
            assert before.end < after.end
    if isinstance(strategy, Hierarchical):
        parents = {chunk.parent for chunk in chunks if chunk.parent}
        assert all(len(words(text[low:high])) <= strategy.parent_tokens for low, high in parents)


@settings(max_examples=200)
@given(TEXTS, st.integers(1, 40), st.integers(0, 99))
def test_neighbours_overlap_by_no_more_than_asked(text: str, size: int, percentage: int) -> None:
    strategy = FixedSize(size, percentage)
    chunks = cut(text, strategy)
    for before, after in pairwise(chunks):
        shared = text[after.start : before.end] if after.start < before.end else ""
        assert len(words(shared)) <= strategy.overlap_tokens


def test_overlap_is_there_when_sentences_leave_room() -> None:
    text = " ".join(f"Sentence number {n} is here." for n in range(100))
    chunks = cut(text, FixedSize(60, 20))
    overlaps = [a.end - b.start for a, b in pairwise(chunks)]
    assert len(chunks) > 5
    assert all(overlap > 20 for overlap in overlaps)


def test_sentences_stay_whole_where_they_fit() -> None:
    text = " ".join(f"Sentence number {n} is here." for n in range(100))
    for chunk in cut(text, DEFAULT):
        assert chunk.text.startswith("Sentence")
        assert chunk.text.endswith("here.")


def test_a_heading_opens_a_chunk_rather_than_ending_one() -> None:
    body = "Filler words stand here. " * 8
    text = f"{body}\n\nRefunds\n\n{body}"
    heading = text.index("Refunds")
    strategy = FixedSize(70, prefer_headings=True)
    assert heading in [chunk.start for chunk in cut(text, strategy, (heading,))]
    assert heading not in [chunk.start for chunk in cut(text, strategy)]


def test_meaning_decides_where_semantic_chunks_end() -> None:
    first = "Banana bandana cabana. Banana cabana ban. Banana bandana ban. Cabana banana. "
    second = "Totem otto toot too. Otto took root too. Toot too otto. Took totem."
    chunks = cut(first + second, Semantic(300, 0, 90))
    assert [chunk.start for chunk in chunks] == [0, len(first)]


def test_pages_and_rows_are_carried_over() -> None:
    text = "Page one.\n\nPage two."
    document = ParsedDocument(text, pages=(Page(1, 0), Page(2, 11)))
    chunks = cut_document(document, FixedSize(3), words)
    assert [(chunk.text, chunk.page) for chunk in chunks] == [("Page one.", 1), ("Page two.", 2)]
    rows = (ParsedRow(0, 9, {"k": "v"}),)
    (chunk,) = cut_document(ParsedDocument(text, rows=rows), Whole(), words)
    assert (chunk.text, chunk.start, chunk.metadata) == ("Page one.", 0, {"k": "v"})


@pytest.mark.parametrize("unit", ["x", "x ", "Yes. ", "\n", " ", "。", "é\n"])
def test_a_text_of_megabytes_takes_linear_time(unit: str) -> None:
    text = "Begin here." + unit * (500_000 // len(unit)) + "end."
    begin = time.perf_counter()
    chunks = cut_document(ParsedDocument(text), FixedSize(300, 20), words)
    assert time.perf_counter() - begin < 10
    assert all(len(chunk.text) <= 300 * 64 for chunk in chunks)


def test_many_small_parents_take_linear_time() -> None:
    begin = time.process_time()
    cut_document(ParsedDocument("A. " * 100_000), Hierarchical(1, 1, 0), words)
    assert time.process_time() - begin < 12


@settings(max_examples=200)
@given(TEXTS.filter(bool), st.integers(1, 40))
def test_windows_cover_a_text_in_pieces_that_a_model_reads(text: str, most: int) -> None:
    made = windows(text, words, most)
    assert made
    last = 0
    for window in made:
        assert window.tokens > 0
        assert len(words(text[window.start : window.end])) <= most
        assert not text[last : window.start].strip()
        last = window.end
    assert not text[last:].strip()
