"""A job as its owner sees it."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from sqlalchemy import Row

from kit.jobs.ports import JsonObject
from kit.jobs.tables import jobs

AnyRow: TypeAlias = Row[*tuple[Any, ...]]
State: TypeAlias = Literal["queued", "running", "succeeded", "failed", "cancelled", "dead"]
OPEN_STATES = ("queued", "running")
"""Every other state is final; `failed` and `dead` jobs can be retried by their owner."""


@dataclass(frozen=True, slots=True)
class Job:
    """Times are UNIX seconds. `failed`: the handler gave up; `dead`: it crashed too often."""

    id: str
    tenant: str
    kind: str
    state: State
    priority: int
    epoch: int
    attempts: int
    crash_count: int
    max_attempts: int
    quarantined: bool
    cancel_requested: bool
    input: JsonObject
    progress: JsonObject | None
    result: JsonObject | None
    error: JsonObject | None
    """`{"code", "message"}` of the last attempt that went wrong, also while the next one waits."""
    created_at: float
    run_at: float
    started_at: float | None
    finished_at: float | None


COLUMNS = [jobs.c[name] for name in Job.__slots__]
"""What to select, first, for `job_of`."""


def job_of(row: AnyRow) -> Job:
    return Job(*row[: len(COLUMNS)])


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job that this process runs; `epoch` is the proof, as long as the row says the same."""

    id: str
    tenant: str
    kind: str
    epoch: int
    failures: int
    crashes: int
    quarantined: bool
    input: JsonObject
    checkpoint: JsonObject
