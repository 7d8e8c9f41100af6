"""The adapter registry in one piece: what its routes, hosting and routing ask."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from contracts.contract import Nothing
from contracts.generation import adapters as a
from contracts.generation.models import ModelCard
from kit.auth.principal import Principal
from kit.catalogue import Catalogue
from kit.database import Database
from kit.sweeping import MINUTE, sweeping
from services.generation.ports import Usable
from services.generation.repository.adapters import rows
from services.generation.service.adapters.admitting import Admitting
from services.generation.service.adapters.folders import Folders
from services.generation.service.adapters.owning import Owning
from services.generation.service.adapters.registering import Registering
from services.generation.service.adapters.shown import card
from services.generation.service.adapters.sweeping import Sweeping
from services.generation.service.resolving import Resolving


@dataclass(frozen=True, slots=True)
class Registry:
    """Its parts share one database, one set of folders and one memory of names."""

    database: Database
    catalogue: Catalogue
    folders: Folders
    registering: Registering
    admitting: Admitting
    owning: Owning
    sweeping: Sweeping
    resolving: Resolving

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self.folders.make()
        async with sweeping(self.sweeping.sweep, MINUTE, "adapters"):
            yield

    async def add(self, who: Principal, ask: a.AddAdapter) -> a.Adapter:
        return await self.registering.add(who, ask)

    async def register_archive(self, who: Principal, ask: a.RegisterArchive) -> a.RegisteredArchive:
        return await self.registering.register(who, ask)

    async def get(self, who: Principal, digest: str) -> a.Adapter:
        return await self.owning.get(who, digest)

    async def release_component(self, who: Principal, component: str) -> None:
        await self.owning.release(who, component)

    async def desired(self) -> Sequence[Usable]:
        """Every adapter that some tenant may use; what was pinned first comes first.

        What a replica holds beyond these is to be unloaded.
        """
        found = await self.database.read(rows.desired)
        return [
            Usable(base, self.folders.ref(digest, rank), is_pinned)
            for digest, base, rank, is_pinned in found
        ]

    async def models(self, who: Principal) -> list[ModelCard]:
        """The tenant's ready adapters, as models that can be asked for."""
        found = await self.owning.list(who, Nothing())
        return [
            card(adapter, self.catalogue.find(adapter.base, kind="text"))
            for adapter in found.items
            if adapter.state == "ready" and self.catalogue.serves(adapter.base, kind="text")
        ]
