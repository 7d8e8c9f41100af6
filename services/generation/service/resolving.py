"""What a request's names mean for the tenant that asks: a base model, and an adapter of it."""

import re
from typing import Final

from contracts.generation.client import GenerateRequest
from kit.auth.principal import Principal
from kit.catalogue import Catalogue, ModelEntry
from kit.errors import NotFound, NotReady
from services.generation.ports import AdapterRef
from services.generation.repository.adapters.names import Found
from services.generation.service.adapters.folders import Folders
from services.generation.service.adapters.lookup import Lookup

_PINNED: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}@sha256:(?P<digest>[0-9a-f]{64})")
_ALIAS: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_CHECKED_AGAIN = 2.0


class Resolving:
    """Another tenant's adapter is answered as one that does not exist."""

    def __init__(self, catalogue: Catalogue, lookup: Lookup, folders: Folders) -> None:
        self._catalogue, self._lookup, self._folders = catalogue, lookup, folders

    async def resolve(
        self, who: Principal, request: GenerateRequest
    ) -> tuple[ModelEntry, AdapterRef | None]:
        """Raises NotFound; NotReady while an adapter of the caller's own is being checked.

        `request.adapter` names an adapter of the base model `request.model`: one of the component
        first, then one of the tenant's. Without it `request.model` may be an adapter itself.
        """
        if request.adapter:
            base = self._catalogue.find(request.model, kind="text")
            return base, await self._of(who, base, request.component, request.adapter)
        if self._catalogue.knows(request.model, kind="text"):
            return self._catalogue.find(request.model, kind="text"), None
        found = await self._find(who, "", request.model)
        if found is None:
            return self._catalogue.find(request.model, kind="text"), None  # says which there are
        return self._catalogue.find(found.base, kind="text"), self._ready(found, request.model)

    async def _of(
        self, who: Principal, base: ModelEntry, component: str, adapter: str
    ) -> AdapterRef:
        found = await self._find(who, component, adapter)
        if found is None and component:
            found = await self._find(who, "", adapter)
        if found is None or found.base != base.id:
            raise NotFound(f"Adapter {adapter} is not registered.", param="adapter")
        return self._ready(found, adapter)

    async def _find(self, who: Principal, component: str, name: str) -> Found | None:
        if pinned := _PINNED.fullmatch(name):
            return await self._lookup.by_digest(who, pinned["digest"])
        if not _ALIAS.fullmatch(name):
            return None
        return await self._lookup.named(who, component, name)

    def _ready(self, found: Found, name: str) -> AdapterRef:
        if found.state == "checking":
            raise NotReady(
                f"The adapter {name} is still being checked.", retry_after=_CHECKED_AGAIN
            )
        if found.state == "refused":
            raise NotFound(
                f"The adapter {name} was refused: {'; '.join(found.reasons)}", param="adapter"
            )
        return self._folders.ref(found.digest, found.rank)
