"""What the operator serves: the catalogue with the models of the settings, and their fleet."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from kit.catalogue import Catalogue, ModelEntry, load
from kit.errors import InvalidRequest
from kit.model_folder import check
from services.generation.engines.launchers.devices import Machine
from services.generation.engines.launchers.either import EitherLauncher
from services.generation.service.fleet import Pools
from services.generation.service.hosting.planning import Room
from services.generation.service.scaling import Scaler
from services.generation.settings import VllmSettings

_OPERATOR = "operator"
"""Who holds the models that the platform is started with."""


def with_served(models: Path, settings: VllmSettings) -> Catalogue:
    """The model files, and the models of the settings; raises InvalidRequest for a bad folder."""
    found = load(models)
    for name, folder in settings.serve.items():
        _require_model(name, folder)
        found = found.with_folder(name, folder.resolve())
    for name, urls in settings.replicas.items():
        found = found.with_replicas(name, tuple(map(str, urls)))
    return found


class Serving:
    """The fleet, and the copies that the operator wants from the start."""

    def __init__(self, settings: VllmSettings, models: Catalogue) -> None:
        """Raises Conflict where those copies cannot run here."""
        launcher = EitherLauncher.of(settings)
        self._held = _held(settings, models)
        launcher.check(self._held)
        machine = Machine.here(settings)
        on_gpus = machine.kind == "cuda"
        self.room = Room(len(machine.units) if on_gpus else None, machine.memory_gib * 1024)
        self.fleet = Pools(models, launcher, lambda: Scaler(settings.vllm_max_num_seqs))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Does not wait for the models: until they are ready, requests are told so."""
        async with self.fleet.running():
            for model, copies in self._held:
                await self.fleet.demand(model.id, _OPERATOR, copies)
            yield


def _held(settings: VllmSettings, models: Catalogue) -> list[tuple[ModelEntry, int]]:
    named = [(models.find(name, kind="text"), 1) for name in settings.serve]
    return named + [(entry, len(entry.replicas)) for entry in models.entries if entry.replicas]


def _require_model(name: str, folder: Path) -> None:
    if not folder.is_dir():
        raise InvalidRequest(f"{name} cannot be served: {folder} is not a folder.")
    if problems := check(folder).problems:
        raise InvalidRequest(f"{name} cannot be served from {folder}: {'; '.join(problems)}.")
