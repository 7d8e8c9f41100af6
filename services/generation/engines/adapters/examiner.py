"""The Examiner port: each look at somebody's files is a confined process."""

from pathlib import Path

from contracts.generation.adapters import Check
from kit.confined import Limits, run_confined
from kit.errors import InvalidRequest
from services.generation.ports import AdapterRef, Unpacked
from services.generation.service.adapters.limits import MOST_WEIGHTS

_UNPACKING = "services.generation.engines.adapters.unpacking"
_EXAMINING = "services.generation.engines.adapters.examining"
_MEMORY = 1 << 30
_EXAMINING_MEMORY = 16 << 30  # address space: a tensor at a time, as float64, and numpy's threads
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class ConfinedExaminer:
    """Adapters of gigabytes take minutes to read; every answer is small."""

    def __init__(self, *, seconds: float = 600.0) -> None:
        self._seconds = seconds

    async def unpack(self, into: Path, archive: Path | None) -> list[Unpacked]:
        ask = {"into": str(into), "archive": None if archive is None else str(archive)}
        limits = Limits(self._seconds, file_bytes=MOST_WEIGHTS, memory_bytes=_MEMORY)
        try:
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
        limits = Limits(self._seconds, memory_bytes=_EXAMINING_MEMORY)
        try:
            said = await run_confined(_EXAMINING, ask, limits, variables=_ONE_THREAD)
        except InvalidRequest as error:
            return [Check(name="files", outcome="failed", detail=error.message)]
        return [Check.model_validate(check) for check in said["checks"]]
