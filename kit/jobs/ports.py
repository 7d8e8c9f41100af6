"""What a job's handler sees of its job, and what wakes a runner."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Protocol, TypeAlias

from sqlalchemy import Connection

from kit.errors import Conflict

JsonObject: TypeAlias = dict[str, Any]


class JobLost(Conflict):
    """This attempt no longer owns the job: write nothing more, another attempt may be running."""


class JobCancelled(Conflict):
    """The user asked for a stop; let it pass through the handler."""


class JobYielded(Exception):
    """Raise it in a handler so that other jobs get its place; it counts as no failure.

    The job is queued again, with its checkpoint, behind those that wait, in `after` seconds.
    """

    def __init__(self, after: float = 0.0) -> None:
        super().__init__(after)
        self.after = after


class JobContext(Protocol):
    """A claimed job, while its lease holds. Every method raises JobLost once it does not."""

    id: str
    tenant: str
    kind: str
    kinds: Collection[str]
    """Of all jobs that its runner claims."""
    epoch: int
    """Numbers the attempt; pass it along with `id` to whoever writes, who calls `fence` with it."""
    failures: int
    """How many attempts before this one ended with an error."""
    crashes: int
    """How many broke, or ended without a word; `kit.jobs.retry.DEAD_AFTER` of them end the job."""
    input: JsonObject
    checkpoint: JsonObject

    async def progress(self, done: int, total: int, note: str = "") -> None:
        """Publishes progress; raises JobCancelled when the user has asked for a stop."""
        ...

    async def save(self, checkpoint: JsonObject) -> None:
        """Stores what a later attempt resumes from; raises JobCancelled like `progress`."""
        ...

    async def once(self, step: str, effect: Callable[[Connection], JsonObject]) -> JsonObject:
        """Commits `effect` at most once in the job's life; later attempts get its output."""
        ...

    def at_finish(self, effect: Callable[[Connection], object]) -> None:
        """Adds a write that commits together with the job's success, or not at all."""
        ...


Handler: TypeAlias = Callable[[JobContext], Awaitable[JsonObject]]
"""Runs a job and returns its result; may be run again after a crash, so steps are idempotent."""

Handlers: TypeAlias = Mapping[str, Handler]
"""By job kind. A kind that a runner does not know is never claimed by it: when the meaning of a
kind's input changes, give it a new name (`ingestion.v2`), and old workers leave it alone."""


class Waker(Protocol):
    """Tells some runner that a job may be due. A hint: it may be lost, repeated or late."""

    async def wake(self) -> None: ...
