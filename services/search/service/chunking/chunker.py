"""Cuts a parsed document into chunks by a strategy; every chunk knows its place in the text."""

import asyncio
from bisect import bisect_right
from collections.abc import Iterable

from kit.text.sentences import sentence_spans
from services.search.ports import Chunk, Embedder, ParsedDocument
from services.search.service.chunking.packing import Span, fitting, pack, trimmed, within
from services.search.service.chunking.ruler import Ruler, TokenSpans
from services.search.service.chunking.semantic import groups
from services.search.service.chunking.strategy import (
    ChunkingStrategy,
    FixedSize,
    Hierarchical,
    Semantic,
    Whole,
)


async def chunk_document(
    document: ParsedDocument, strategy: ChunkingStrategy, embedder: Embedder
) -> list[Chunk]:
    """The chunks in order; a CSV read per row has one per row, whatever the strategy."""
    if isinstance(strategy, Semantic) and document.rows is None:
        return await _by_meaning(document, strategy, embedder)
    return await asyncio.to_thread(cut_document, document, strategy, embedder.token_spans)


def cut_document(
    document: ParsedDocument,
    strategy: FixedSize | Whole | Hierarchical | Semantic,
    token_spans: TokenSpans,
) -> list[Chunk]:
    """Every strategy that needs no embeddings: pure, and linear in the text's length."""
    if document.rows is not None:
        return [
            Chunk(document.text[row.start : row.end], row.start, row.end, metadata=row.metadata)
            for row in document.rows
        ]
    match strategy:
        case Whole():
            whole = trimmed(document.text, 0, len(document.text))
            return _chunks(document, [whole] if whole else [])
        case FixedSize():
            return _chunks(document, _fixed_size(document, strategy, token_spans))
        case Hierarchical():
            return _hierarchical(document, strategy, token_spans)
        case Semantic():
            raise TypeError("SEMANTIC needs an embedder: call chunk_document")


def _fixed_size(
    document: ParsedDocument, strategy: FixedSize, token_spans: TokenSpans
) -> list[Span]:
    text = document.text
    ruler = Ruler(text, token_spans)
    return pack(
        fitting(text, sentence_spans(text), ruler, strategy.max_tokens),
        ruler,
        strategy.max_tokens,
        overlap_tokens=strategy.overlap_tokens,
        headings=document.headings if strategy.prefer_headings else (),
    )


def _hierarchical(
    document: ParsedDocument, strategy: Hierarchical, token_spans: TokenSpans
) -> list[Chunk]:
    text = document.text
    ruler = Ruler(text, token_spans)
    sentences = sentence_spans(text)
    parents = pack(
        fitting(text, sentences, ruler, strategy.parent_tokens),
        ruler,
        strategy.parent_tokens,
        overlap_tokens=strategy.overlap_tokens,
        headings=document.headings,
    )
    chunks: list[Chunk] = []
    for parent in parents:
        units = fitting(text, within(sentences, *parent), ruler, strategy.child_tokens)
        children = pack(units, ruler, strategy.child_tokens, overlap_tokens=strategy.overlap_tokens)
        chunks.extend(_chunks(document, children, parent))
    return chunks


async def _by_meaning(
    document: ParsedDocument, strategy: Semantic, embedder: Embedder
) -> list[Chunk]:
    text = document.text
    ruler, units = await asyncio.to_thread(_units, text, strategy, embedder.token_spans)
    runs = await groups(
        text,
        units,
        embedder,
        buffer_size=strategy.buffer_size,
        percentile=strategy.percentile,
    )
    spans = [span for run in runs for span in pack(run, ruler, strategy.max_tokens)]
    return _chunks(document, spans)


def _units(text: str, strategy: Semantic, token_spans: TokenSpans) -> tuple[Ruler, list[Span]]:
    ruler = Ruler(text, token_spans)
    return ruler, fitting(text, sentence_spans(text), ruler, strategy.max_tokens)


def _chunks(
    document: ParsedDocument, spans: Iterable[Span], parent: Span | None = None
) -> list[Chunk]:
    return [
        Chunk(document.text[start:end], start, end, page=_page(document, start), parent=parent)
        for start, end in spans
    ]


def _page(document: ParsedDocument, at: int) -> int | None:
    """The page on which a chunk begins."""
    index = bisect_right(document.pages, at, key=lambda page: page.start) - 1
    return document.pages[index].number if index >= 0 else None
