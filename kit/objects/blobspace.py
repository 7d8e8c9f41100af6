"""Keeps blobs and rows in step: what no row names is deleted, now or by the next sweep."""

import logging
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection, select

from kit.database import Database
from kit.errors import InvalidRequest, NotFound, PlatformError, PreconditionFailed
from kit.objects.ports import Blobs, ByteStream
from kit.objects.records import Part, Span
from kit.objects.tables import PARTS

T = TypeVar("T")
_LOG = logging.getLogger(__name__)
_ORPHAN_SECONDS = 24 * 3600.0
_SWEEP_BATCH = 500


@dataclass(frozen=True, slots=True)
class Blobspace:
    """Blobs, seen from the rows that name them."""

    blobs: Blobs

    async def claim(self, blob: str, writing: Awaitable[T]) -> T:
        """Awaits the transaction that names a new blob; deletes the blob if it was refused.

        After any other failure the COMMIT may have happened, so the blob is left to the sweep.
        """
        try:
            return await writing
        except (NotFound, PreconditionFailed, InvalidRequest):
            await self.release([blob])
            raise

    async def release(self, freed: Iterable[str]) -> None:
        """Deletes blobs that no row names any more."""
        for blob in freed:
            try:
                await self.blobs.delete(blob)
            except (OSError, PlatformError):
                _LOG.warning("blob %s could not be deleted; a sweep will try again", blob)

    async def sweep(self, database: Database) -> int:
        """Deletes blobs that are a day old and that no row names; returns how many."""
        batch: list[str] = []
        deleted = 0
        async for blob in self.blobs.older_than(_ORPHAN_SECONDS):
            batch.append(blob)
            if len(batch) == _SWEEP_BATCH:
                deleted += await self._sweep(database, batch)
                batch = []
        return deleted + await self._sweep(database, batch)

    async def _sweep(self, database: Database, batch: list[str]) -> int:
        orphans = await database.read(_orphans, batch) if batch else []
        await self.release(orphans)
        return len(orphans)

    async def read(self, parts: Iterable[Part], span: Span) -> ByteStream:
        """The bytes of a span over an object's parts. Raises BlobMissing before the first."""
        slices = []
        skipped, left = span.start, span.length
        for part in parts:
            length = min(part.size - skipped, left)
            if length > 0:
                slices.append((part.blob, skipped, length))
                left -= length
            skipped = max(0, skipped - part.size)
        stream = _Concatenated(self.blobs, slices)
        await stream.open_next()
        return stream


class _Concatenated:
    """Slices of blobs, one after the other; each is opened when the one before it ends."""

    def __init__(self, blobs: Blobs, slices: list[tuple[str, int, int]]) -> None:
        self._blobs, self._left = blobs, slices[::-1]
        self._open: ByteStream | None = None

    def __aiter__(self) -> "_Concatenated":
        return self

    async def __anext__(self) -> bytes:
        while self._open is not None:
            try:
                return await anext(self._open)
            except StopAsyncIteration:
                await self.open_next()
        raise StopAsyncIteration

    async def open_next(self) -> None:
        await self.aclose()
        if self._left:
            self._open = await self._blobs.open(*self._left.pop())

    async def aclose(self) -> None:
        stream, self._open = self._open, None
        if stream is not None:
            await stream.aclose()


def _orphans(connection: Connection, blobs: list[str]) -> list[str]:
    named = set(connection.execute(select(PARTS.c.blob).where(PARTS.c.blob.in_(blobs))).scalars())
    return [blob for blob in blobs if blob not in named]
