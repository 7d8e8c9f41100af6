"""Small collections of known points, shared by the index's contract tests."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from services.search.ports import (
    CollectionSpec,
    Filter,
    Hit,
    Index,
    IndexQuery,
    Metadata,
    Point,
)

SPEC = CollectionSpec(name="KB1", dimension=4, language="english", average_length=4.0)
EVERYWHERE = [1.0, 1.0, 1.0, 1.0]


def uuid(number: int) -> str:
    return str(UUID(int=number))


def point(
    number: int,
    *,
    text: str = "",
    vector: Sequence[float] = EVERYWHERE,
    document: str = "doc",
    version: int = 1,
    metadata: Metadata | None = None,
) -> Point:
    return Point(uuid(number), vector, text, document, version, metadata or {})


def query(
    text: str = "",
    *,
    vector: Sequence[float] = EVERYWHERE,
    mode: str = "HYBRID",
    limit: int = 10,
    where: Filter | None = None,
    weights: tuple[float, float] = (1.0, 1.0),
) -> IndexQuery:
    assert mode in ("HYBRID", "SEMANTIC")
    return IndexQuery(vector, text, mode, limit, where, *weights)


def numbers(hits: Iterable[Hit]) -> list[int]:
    return [UUID(hit.id).int for hit in hits]


async def matching(index: Index, where: Filter) -> set[int]:
    """The numbers of all points that a filter lets through."""
    return set(numbers(await index.search(SPEC, query(mode="SEMANTIC", limit=100, where=where))))
