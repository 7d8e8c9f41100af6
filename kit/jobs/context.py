"""The JobContext that a runner hands to a handler."""

import time
from collections.abc import Callable, Collection

from sqlalchemy import Connection
from typing_extensions import override

from kit.database import Database
from kit.jobs.fence import lost
from kit.jobs.heart import Hold
from kit.jobs.job import ClaimedJob
from kit.jobs.ports import JobCancelled, JobContext, JsonObject
from kit.jobs.step import commit_once, write_checkpoint, write_progress

PROGRESS_EVERY = 0.25
"""Seconds between two writes of progress; what comes faster is left out, but never the end."""


class LeasedJob(JobContext):
    """A claimed job under its lease."""

    def __init__(
        self, database: Database, claimed: ClaimedJob, hold: Hold, *, kinds: Collection[str]
    ) -> None:
        self.id = claimed.id
        self.tenant = claimed.tenant
        self.kind = claimed.kind
        self.kinds = kinds
        self.epoch = claimed.epoch
        self.failures = claimed.failures
        self.crashes = claimed.crashes
        self.input = claimed.input
        self.checkpoint = claimed.checkpoint
        self.effects: list[Callable[[Connection], object]] = []
        self._database = database
        self._hold = hold
        self._progress_at = float("-inf")

    @override
    async def progress(self, done: int, total: int, note: str = "") -> None:
        self._check()
        now = time.monotonic()
        if now < self._progress_at + PROGRESS_EVERY and done < total:
            return
        self._progress_at = now
        cancel = await self._database.write(write_progress, self.id, self.epoch, done, total, note)
        self._check(cancel)

    @override
    async def save(self, checkpoint: JsonObject) -> None:
        self._check()
        cancel = await self._database.write(write_checkpoint, self.id, self.epoch, checkpoint)
        self.checkpoint = checkpoint
        self._check(cancel)

    @override
    async def once(self, step: str, effect: Callable[[Connection], JsonObject]) -> JsonObject:
        self._check()
        return await self._database.write(commit_once, self.id, self.epoch, step, effect)

    @override
    def at_finish(self, effect: Callable[[Connection], object]) -> None:
        self._check()
        self.effects.append(effect)

    def _check(self, cancel: bool = False) -> None:
        if self._hold.lost:
            raise lost(self.id, self.epoch)
        if cancel or self._hold.cancel_requested:
            raise JobCancelled(f"Job {self.id} was cancelled by its owner.")
