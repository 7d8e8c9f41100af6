"""What the search service needs from outside: embedders, an index, parsers, passages' generator."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kit.auth.principal import Principal
from kit.errors import InvalidRequest

Vectors: TypeAlias = NDArray[np.float32]
"""Shape (texts, dimension), each row of length 1 in the L2 norm."""

MetadataValue: TypeAlias = str | float | bool | list[str]
Metadata: TypeAlias = dict[str, MetadataValue]
"""A document's attributes, as its sidecar gives them; integers are kept as float."""


# Embeddings ---------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Embeddings:
    vectors: Vectors
    tokens: list[int]
    """Tokens that each text has after truncation, special tokens not counted."""


class Embedder(Protocol):
    """One embedding model. Raises RateLimited where the wait would be long, unless `patient`."""

    name: str
    dimension: int
    max_tokens: int

    async def embed(
        self,
        texts: Sequence[str],
        *,
        kind: Literal["query", "document"] = "document",
        patient: bool = False,
    ) -> Embeddings: ...

    def check_room(self, texts: Sequence[str]) -> None:
        """Raises RateLimited where `embed` would now, before any work is put into the texts."""
        ...

    def count_tokens(self, text: str) -> int: ...

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Start and end of each token in `text`, in code points; chunking measures with it."""
        ...

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of token ids (the OpenAI API takes token arrays)."""
        ...

    async def close(self) -> None: ...


# Index --------------------------------------------------------------------------------------------
Operator: TypeAlias = Literal[
    "equals", "notEquals", "greaterThan", "greaterThanOrEquals", "lessThan", "lessThanOrEquals",
    "in", "notIn", "startsWith", "stringContains", "listContains",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a metadata key, with Bedrock's semantics."""

    operator: Operator
    key: str
    value: MetadataValue | list[MetadataValue]


@dataclass(frozen=True, slots=True)
class Group:
    """`all` or `any` of at least two members."""

    kind: Literal["all", "any"]
    members: tuple["Filter", ...]


Filter: TypeAlias = Condition | Group


@dataclass(frozen=True, slots=True)
class CollectionSpec:
    """One collection holds one knowledge base: its IDF, its vectors, nobody else's."""

    name: str
    dimension: int
    language: str = "english"
    average_length: float = 256.0
    """Mean number of kept tokens of a chunk; BM25's length normalisation, tuned by the corpus."""


@dataclass(frozen=True, slots=True)
class Point:
    """A chunk as the index holds it; its text is only encoded (BM25), not stored."""

    id: str  # a UUID
    vector: Sequence[float] | NDArray[np.float32]
    text: str
    document: str
    version: int
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IndexQuery:
    vector: Sequence[float] | NDArray[np.float32]
    text: str
    mode: Literal["SEMANTIC", "HYBRID"]
    limit: int
    filter: Filter | None = None
    dense_weight: float = 1.0
    sparse_weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Hit:
    """`score` is the cosine for SEMANTIC, the fused rank score scaled to 0..1 for HYBRID."""

    id: str
    document: str
    version: int
    score: float
    similarity: float | None = None
    """The cosine, where the dense side found the chunk too."""


class Index(Protocol):
    """Dense and lexical search with filters. Writes return once they are durable."""

    async def create(self, spec: CollectionSpec) -> None: ...

    async def drop(self, collection: str) -> None: ...

    async def upsert(self, spec: CollectionSpec, points: Sequence[Point]) -> None: ...

    async def delete(self, collection: str, document: str, version: int | None = None) -> None:
        """Deletes the points of one version of a document, or (None) of all of them."""
        ...

    async def scrub(self, collection: str) -> None:
        """Leaves nothing of deleted points behind in the store's files.

        Costs a rewrite of the collection; may be repeated, and asked for by several at a time. A
        store that is a server of its own does it when its own thresholds say.
        """
        ...

    async def vectors(self, collection: str, ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """The dense vectors of the points that are there, by id."""
        ...

    async def search(self, spec: CollectionSpec, query: IndexQuery) -> list[Hit]: ...

    async def count(self, collection: str, *, document: str | None = None) -> int: ...

    async def check(self) -> None:
        """Raises Unavailable while the index cannot be reached."""
        ...

    async def close(self) -> None: ...


# Documents ----------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Page:
    """Where a page (or sheet) of the source begins in the extracted text, in code points."""

    number: int
    start: int


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    text: str
    pages: tuple[Page, ...] = ()
    headings: tuple[int, ...] = ()
    """Offsets at which a heading's line begins; hierarchical splitting prefers them."""
    rows: tuple["ParsedRow", ...] | None = None
    """Set for a CSV that is read per row: each row is a chunk with metadata of its own."""


@dataclass(frozen=True, slots=True)
class ParsedRow:
    start: int
    end: int
    metadata: Metadata


@dataclass(frozen=True, slots=True)
class RecordStructure:
    """How a CSV is read per row (the sidecar's documentStructureConfiguration)."""

    content_field: str
    include_fields: tuple[str, ...] | None = None
    exclude_fields: tuple[str, ...] = ()


class NoText(InvalidRequest):
    """The document is well, but there is nothing in it to index."""


class Parser(Protocol):
    """Raises InvalidRequest with a reason that a user understands when the document is refused."""

    async def parse(
        self, body: bytes, *, name: str, records: RecordStructure | None = None
    ) -> ParsedDocument: ...


@dataclass(frozen=True, slots=True)
class Chunk:
    """`text == source[start:end]` for every chunk, in code points of the extracted text."""

    text: str
    start: int
    end: int
    page: int | None = None
    parent: tuple[int, int] | None = None
    """Span of the parent chunk, for HIERARCHICAL: children are searched, parents returned."""
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)


# Generation ---------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Turn:
    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(slots=True)
class Tally:
    """Tokens of one generation, set by the generator once it has written everything."""

    input: int = 0
    output: int = 0


class Generator(Protocol):
    """Answers a prompt; the passages go along for engines that only quote."""

    def generate(
        self,
        who: Principal,
        *,
        model: str,
        turns: Sequence[Turn],
        question: str,
        passages: Sequence[str],
        max_tokens: int,
        temperature: float,
        top_p: float | None,
        stop: Sequence[str],
        tally: Tally,
    ) -> AsyncGenerator[str, None]: ...
