"""A document's bytes made into attributes and chunks; nothing of it is stored yet."""

import asyncio
import hashlib
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import orjson

from kit.errors import InvalidRequest
from services.search.ports import Chunk, Embedder, Metadata, NoText, ParsedDocument, Parser
from services.search.repository.chunks import NewChunk
from services.search.service.chunking.chunker import chunk_document
from services.search.service.chunking.strategy import parse_strategy
from services.search.service.chunking.windows import windows
from services.search.service.embedding import Embedding
from services.search.service.scope import Scope
from services.search.service.sidecars import Sidecar, parse_sidecar
from services.search.service.sources import SourceBody

SOURCE_URI = "x-amz-bedrock-kb-source-uri"
DATA_SOURCE = "x-amz-bedrock-kb-data-source-id"
PAGE = "x-amz-bedrock-kb-document-page-number"
_LONGEST_LINE = 1_000_000  # characters
_MOST_PIECES = 20_000  # that are searched: what a step can embed within the hour


@dataclass(frozen=True, slots=True)
class Described:
    """What is known before parsing; equal `content_hash`es make equal chunks."""

    metadata: Metadata
    sidecar: Sidecar
    content_hash: str


class Preparing:
    """Raises InvalidRequest with a reason that the document's owner understands."""

    def __init__(self, parser: Parser, embedding: Embedding) -> None:
        self._parser = parser
        self._embedding = embedding

    def describe(self, scope: Scope, id: str, body: SourceBody) -> Described:
        own = parse_sidecar(body.sidecar) if body.sidecar is not None else Sidecar({}, None)
        metadata = {**own.metadata, SOURCE_URI: id, DATA_SOURCE: scope.data_source.id}
        return Described(metadata, own, _digest(body, own))

    async def chunks(self, scope: Scope, body: SourceBody, described: Described) -> list[NewChunk]:
        """The searched chunks in their order, then the parents that they are returned as."""
        parsed = await self._parser.parse(
            body.body, name=body.name, records=described.sidecar.records
        )
        embedder = await self._embedding.embedder(scope.base.model)
        strategy = parse_strategy(scope.data_source.spec.chunking)
        _check_lines(parsed.text)
        cut = await chunk_document(parsed, strategy, embedder)
        if not cut:
            raise NoText("There is no text in this document.")
        readable = await asyncio.to_thread(_readable, cut, embedder)
        _check_pieces(len(readable))
        return _rows_of(parsed, readable)


def _check_lines(text: str) -> None:
    """A line like that is data, not prose: nobody would find anything in it."""
    longest = max((len(line) for line in text.split("\n")), default=0)
    if longest > _LONGEST_LINE:
        raise InvalidRequest(
            f"It has a line of {longest} characters; a line may have {_LONGEST_LINE}."
        )


def _check_pieces(count: int) -> None:
    """Before anything is embedded or stored: one document must not hold the others up."""
    if count > _MOST_PIECES:
        raise InvalidRequest(
            f"This document makes {count} pieces; it may make {_MOST_PIECES}: split it."
        )


def _readable(cut: list[Chunk], embedder: Embedder) -> list[Chunk]:
    """A chunk longer than the model reads is searched by its windows, and returned whole."""
    pieces = []
    for chunk in cut:
        spans = windows(chunk.text, embedder.token_spans, embedder.max_tokens)
        if len(spans) == 1:
            pieces.append(chunk)
            continue
        pieces += [
            replace(
                chunk,
                text=chunk.text[window.start : window.end],
                start=chunk.start + window.start,
                end=chunk.start + window.end,
                parent=chunk.parent or (chunk.start, chunk.end),
            )
            for window in spans
        ]
    return pieces


def _rows_of(parsed: ParsedDocument, cut: list[Chunk]) -> list[NewChunk]:
    """Ids count within the document; storing a version makes them the points' own."""
    parents: dict[tuple[int, int], NewChunk] = {}
    for chunk in cut:
        if chunk.parent is not None and chunk.parent not in parents:
            start, end = chunk.parent
            parents[chunk.parent] = NewChunk(
                id=f"parent/{len(parents)}",
                text=parsed.text[start:end],
                start=start,
                end=end,
                page=chunk.page,
                is_parent=True,
                metadata={**chunk.metadata, **_page(chunk.page)},
            )
    searched = [
        NewChunk(
            id=str(n),
            text=chunk.text,
            start=chunk.start,
            end=chunk.end,
            page=chunk.page,
            parent=parents[chunk.parent].id if chunk.parent is not None else None,
            metadata={**chunk.metadata, **_page(chunk.page)},
        )
        for n, chunk in enumerate(cut)
    ]
    return [*searched, *parents.values()]


def _page(number: int | None) -> Metadata:
    return {} if number is None else {PAGE: float(number)}


def _digest(body: SourceBody, sidecar: Sidecar) -> str:
    """Of all that decides the chunks; attributes do not, so a change of them embeds nothing."""
    records = sidecar.records
    how = [
        PurePosixPath(body.name).suffix.lower(),
        records and [records.content_field, records.include_fields, records.exclude_fields],
    ]
    return hashlib.sha256(orjson.dumps(how) + b"\n" + body.body).hexdigest()
