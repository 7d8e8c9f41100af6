"""Where an object's bytes live: a store of nameless, immutable blobs."""

import re
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from kit.objects.checksums import Digests

PIECE = 1 << 20
"""Bytes are read and written in pieces of about this size."""

BLOB = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""An id; whatever else lies where blobs do is not the platform's."""


class ByteStream(Protocol):
    """An async iterator of bytes; `aclose` lets go of what is behind them, read or not."""

    def __aiter__(self) -> "ByteStream": ...

    async def __anext__(self) -> bytes: ...

    async def aclose(self) -> None: ...


class BlobWriter(Protocol):
    """A blob on its way in; nobody can read it before `commit` returns."""

    async def write(self, pieces: Sequence[bytes]) -> None:
        """Stores and digests the pieces, off the event loop. Raises StorageFull."""
        ...

    async def commit(self) -> str:
        """Makes the blob durable and readable; returns its id. Raises StorageFull."""
        ...

    async def discard(self) -> None:
        """Removes what was written; does nothing after `commit`."""
        ...


class Blobs(Protocol):
    """Ids are made by the store and never come from a user."""

    async def writer(self, digests: Digests) -> BlobWriter:
        """Opens a blob for writing; `digests` see every piece that is written."""
        ...

    async def open(self, blob: str, start: int, length: int) -> ByteStream:
        """The bytes from `start`, in pieces. Raises BlobMissing before the first of them."""
        ...

    async def delete(self, blob: str) -> None:
        """Removes the blob; absent ones are no error."""
        ...

    async def free_bytes(self) -> int:
        """How much more fits, as far as the store can tell."""
        ...

    async def check(self) -> None:
        """Raises Unavailable, in words for an operator, while the store cannot work."""
        ...

    def older_than(self, seconds: float) -> AsyncIterator[str]:
        """Ids of the blobs that were committed more than `seconds` ago."""
        ...
