"""The Examiner port: each look at somebody's files is a confined process."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from contracts.generation.adapters import Check
from kit.confined import Limits, run_confined
from kit.errors import InvalidRequest, Unavailable
from services.generation.ports import AdapterRef, Unpacked
from services.generation.service.adapters.limits import MOST_WEIGHTS, WEIGHTS

_UNPACKING = "services.generation.engines.adapters.unpacking"
_EXAMINING = "services.generation.engines.adapters.examining"
_MEMORY = 1 << 30
_EXAMINING_MEMORY = 16 << 30  # address space: a tensor at a time, as float64, and numpy's threads
_AT_LEAST: Final = 60.0
_BYTES_OF_A_SECOND: Final = 8 << 20
"""Read, checked and written by the slowest machine: small files get no minutes to burn."""
_AT_ONCE: Final = 2
_MOST_WAITING: Final = 16
"""Uploads; each that waits keeps its bytes on the disk."""
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class ConfinedExaminer:
    """Adapters of gigabytes take minutes to read; every answer is small."""

    def __init__(self, *, seconds: float = 600.0) -> None:
        """`seconds` are those that the largest may take.

        No more than two archives are read at once, and no more than two adapters compared: the
        comparisons, which jobs ask for and so many at most, never wait for uploads.
        """
        self._seconds = seconds
        self._unpacking, self._comparing = asyncio.Semaphore(_AT_ONCE), asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def unpack(self, into: Path, archive: Path | None) -> list[Unpacked]:
        """Raises Unavailable where too many wait for their turn."""
        ask = {"into": str(into), "archive": None if archive is None else str(archive)}
        seconds = self._patience(_size(into if archive is None else archive))
        limits = Limits(seconds, file_bytes=MOST_WEIGHTS, memory_bytes=_MEMORY)
        try:
            async with self._turn():
                found = await run_confined(_UNPACKING, ask, limits)
        except InvalidRequest as error:
            raise InvalidRequest(
                f"The adapter is refused: {error.message}", param="source"
            ) from error
        return [
            Unpacked(name, Path(one["folder"]), one["digest"], one["rank"], one["size"])
            for name, one in found.items()
        ]

    async def examine(
        self, adapter: AdapterRef, base: Path | None, rank: int | None
    ) -> list[Check]:
        ask = {
            "folder": str(adapter.folder),
            "digest": adapter.digest,
            "base": None if base is None else str(base),
            "rank": rank,
        }
        seconds = self._patience(_size(adapter.folder / WEIGHTS))
        limits = Limits(seconds, memory_bytes=_EXAMINING_MEMORY)
        try:
            async with self._comparing:
                said = await run_confined(_EXAMINING, ask, limits, variables=_ONE_THREAD)
        except InvalidRequest as error:
            return [Check(name="files", outcome="failed", detail=error.message)]
        return [Check.model_validate(check) for check in said["checks"]]

    @asynccontextmanager
    async def _turn(self) -> AsyncGenerator[None]:
        if self._waiting >= _MOST_WAITING:
            raise Unavailable("Too many adapters are being read now; try again.", retry_after=30)
        self._waiting += 1
        try:
            await self._unpacking.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._unpacking.release()

    def _patience(self, size: int) -> float:
        return min(self._seconds, _AT_LEAST + size / _BYTES_OF_A_SECOND)


def _size(path: Path) -> int:
    """Of a file, or of all that a folder holds; 0 where nothing is there, which the child tells."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
