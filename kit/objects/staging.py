"""Bytes on their way to whoever keeps them elsewhere: blobs without a row, for a day at most."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from kit.objects.blobspace import Blobspace
from kit.objects.ports import ByteStream
from kit.objects.receiving import receive
from kit.objects.records import Expected


@dataclass(frozen=True, slots=True)
class Staged:
    """`blob` is known to the platform's own processes only."""

    blob: str
    size: int


class Staging:
    """What one process puts here, another takes; the sweep removes what nobody discards."""

    def __init__(self, space: Blobspace) -> None:
        self._space = space

    async def put(self, body: AsyncIterator[bytes]) -> Staged:
        """Raises EntityTooLarge, StorageFull."""
        got = await receive(self._space.blobs, body, Expected())
        return Staged(got.blob, got.size)

    async def open(self, staged: Staged) -> ByteStream:
        """Raises BlobMissing."""
        return await self._space.blobs.open(staged.blob, 0, staged.size)

    async def discard(self, staged: Staged) -> None:
        await self._space.release([staged.blob])
