"""A retrieved passage, as answering sees it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.search.ports import MetadataValue


@dataclass(frozen=True, slots=True)
class Passage:
    """`source_start` and `source_end` are code points of the document's extracted text.

    Where `len(text) == source_end - source_start` the text is that slice, and offsets within it
    are offsets in the source; otherwise only the passage as a whole can be pointed at.
    """

    text: str
    document: str
    """The document's URI."""
    source_start: int | None = None
    source_end: int | None = None
    page: int | None = None
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)
    score: float = 0.0
