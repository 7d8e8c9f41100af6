"""A dialect: one wire's JSON for texts or embeddings, translated to contracts and back.

Pure translation, without I/O, so that a door answers a request and a worker a line of a batch with
the same code.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from time import perf_counter
from typing import Protocol

from contracts.generation.answers import Delta, Generation
from contracts.generation.client import GenerateRequest
from contracts.search.embeddings import EmbedReply, EmbedRequest
from dialects.body import Json


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request in flight: the name that it asked for, its body, and what the body meant."""

    model: str
    body: Json
    request: GenerateRequest
    began: float = field(default_factory=perf_counter)
    """By the clock that only goes forward."""

    def milliseconds(self) -> int:
        """Since it began."""
        return round((perf_counter() - self.began) * 1000)


class TextDialect(Protocol):
    """Raises InvalidRequest that names the member, as the wire's own service does."""

    def read(self, model: str, body: Json) -> GenerateRequest: ...

    def whole(self, exchange: Exchange, made: Generation) -> Json: ...

    def parts(
        self, exchange: Exchange, deltas: AsyncGenerator[Delta, None]
    ) -> AsyncGenerator[Json, None]:
        """The wire's own events, as they come; closing it closes `deltas`."""
        ...


class EmbeddingDialect(Protocol):
    """Raises InvalidRequest that names the member, as the wire's own service does."""

    def read(self, model: str, body: Json) -> EmbedRequest: ...

    def whole(self, body: Json, made: EmbedReply) -> Json: ...
