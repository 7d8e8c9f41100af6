"""What a wire does for its batches; everything else is the same for all of them."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Protocol

from kit.auth.principal import Principal
from kit.batches.progress import Writer
from kit.batches.records import Answered, Batch, Outcome
from kit.errors import Conflict, InvalidRequest, PlatformError


@dataclass(frozen=True, slots=True)
class Line:
    """One request: which of the batch's inputs it stands in, and where, counted from 1."""

    source: int
    number: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class Running:
    """A batch, on whose behalf its lines are answered, and the attempt that does it."""

    batch: Batch
    who: Principal
    writer: Writer


@dataclass(frozen=True, slots=True)
class Checked:
    """`total` lines to answer; `told` is what the wire must know of its input from then on."""

    total: int
    told: dict[str, Any]


class BatchRefused(InvalidRequest):
    """The input as a whole cannot be run; `told` says why, in the wire's own form."""

    def __init__(self, message: str, told: dict[str, Any]) -> None:
        super().__init__(message)
        self.told = told


class InputGone(Conflict):
    """What was read at the beginning was deleted or replaced since."""


class BatchWire(Protocol):
    """Stateless; one for all batches of its wire."""

    async def check(self, running: Running) -> Checked:
        """Reads the whole input once, before anything is answered. Raises BatchRefused."""
        ...

    def lines(self, running: Running) -> AsyncGenerator[Line, None]:
        """Every line that is not blank, in order, the same at each call. Raises InputGone."""
        ...

    async def answer(self, running: Running, line: Line) -> Answered:
        """Raises what kept it from an answer."""
        ...

    def failed(self, running: Running, line: Line, error: PlatformError) -> Answered:
        """The line that says why there is no answer."""
        ...

    def expired(self, running: Running, line: Line) -> Answered | None:
        """What the output says of a line whose time was over; None says nothing."""
        ...

    def stopped(self, error: PlatformError) -> dict[str, Any]:
        """What the wire tells of a batch that was stopped before all its lines were answered."""
        ...

    async def conclude(self, running: Running, outcome: Outcome) -> dict[str, Any]:
        """Writes the outputs, whole, and says where they are; may be done again after a crash."""
        ...
