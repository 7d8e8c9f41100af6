"""What a job's handler sees of its job, and what wakes a runner."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeAlias

JsonObject: TypeAlias = dict[str, Any]


class JobContext(Protocol):
    """A claimed job, while its lease holds. Every method raises JobLost once it does not."""

    id: str
    tenant: str
    kind: str
    epoch: int
    input: JsonObject
    checkpoint: JsonObject

    async def progress(self, done: int, total: int, note: str = "") -> None:
        """Publishes progress; raises JobCancelled when the user has asked for a stop."""
        ...

    async def save(self, checkpoint: JsonObject) -> None:
        """Stores what a later attempt resumes from."""
        ...


Handler: TypeAlias = Callable[[JobContext], Awaitable[JsonObject]]
"""Runs a job and returns its result; may be run again after a crash, so steps are idempotent."""

Handlers: TypeAlias = Mapping[str, Handler]
"""By job kind. A kind that a runner does not know is never claimed by it."""


class Waker(Protocol):
    """Tells some runner that a job may be due. A hint: it may be lost, repeated or late."""

    async def wake(self, job_id: str) -> None: ...
