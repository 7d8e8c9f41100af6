"""A batch as its owner sees it."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from kit.jobs.job import Job

Outcome: TypeAlias = Literal["completed", "failed", "expired", "cancelled"]
Status: TypeAlias = Literal["queued", "running", "finalizing", "cancelling"] | Outcome


@dataclass(frozen=True, slots=True)
class NewBatch:
    """`id` is in its wire's own form; `asked` what the wire needs to run it and to tell of it."""

    wire: str
    id: str
    name: str
    asked: dict[str, Any]
    account: str
    key: str
    lifetime: float
    """Seconds until what is not done expires."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Times are UNIX seconds. `told` has outputs and errors, as the batch's wire puts them."""

    job: str
    id: str
    tenant: str
    wire: str
    name: str
    asked: dict[str, Any]
    created_at: float
    expires_at: float
    begun_at: float | None
    finalizing_at: float | None
    cancelling_at: float | None
    ended_at: float | None
    outcome: Outcome | None
    total: int | None
    succeeded: int
    failed: int
    tokens_in: int
    tokens_out: int
    told: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """A batch with the state of its job."""

    batch: Batch
    job: Job

    @property
    def status(self) -> Status:
        batch, state = self.batch, self.job.state
        if batch.outcome is not None:
            return batch.outcome
        if state in ("failed", "dead"):
            return "failed"
        if state == "cancelled":
            return "cancelled"
        if batch.cancelling_at is not None or self.job.cancel_requested:
            return "cancelling"
        if batch.finalizing_at is not None:
            return "finalizing"
        return "queued" if batch.total is None else "running"

    @property
    def ended_at(self) -> float | None:
        return self.batch.ended_at or self.job.finished_at

    @property
    def failure(self) -> str | None:
        """Why the whole of it failed, where its job did."""
        if self.job.error is None or self.job.state not in ("failed", "dead"):
            return None
        return str(self.job.error["message"])


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to one line: a line of an output, without its end. Tokens were really used."""

    source: int
    line: int
    ok: bool
    output: bytes
    tokens_in: int = 0
    tokens_out: int = 0
