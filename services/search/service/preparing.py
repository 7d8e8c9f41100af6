"""A document's bytes made into attributes and chunks; nothing of it is stored yet."""

import hashlib
from dataclasses import dataclass
from pathlib import PurePosixPath

import orjson

from services.search.ports import Chunk, Metadata, NoText, ParsedDocument, Parser
from services.search.repository.chunks import NewChunk
from services.search.service.chunking.chunker import chunk_document
from services.search.service.chunking.strategy import parse_strategy
from services.search.service.embedding import Embedding
from services.search.service.scope import Scope
from services.search.service.sidecars import Sidecar, parse_sidecar
from services.search.service.sources import SourceBody

SOURCE_URI = "x-amz-bedrock-kb-source-uri"
DATA_SOURCE = "x-amz-bedrock-kb-data-source-id"
PAGE = "x-amz-bedrock-kb-document-page-number"


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
        cut = await chunk_document(parsed, strategy, embedder)
        if not cut:
            raise NoText("There is no text in this document.")
        return _rows_of(parsed, cut)


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
                metadata=_page(chunk.page),
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
