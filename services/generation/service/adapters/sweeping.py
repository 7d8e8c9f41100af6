"""Removes the folders of adapters that nobody has any more."""

import asyncio
from functools import partial

from kit.database import Database
from services.generation.repository.adapters import holding
from services.generation.service.adapters.folders import Folders

GRACE = 600.0
"""Seconds that a folder outlives its last owner: requests of other processes may still need it."""


class Sweeping:
    """Safe in several processes at once: a folder goes in the transaction that strikes it out."""

    def __init__(self, database: Database, folders: Folders) -> None:
        self._database, self._folders = database, folders

    async def sweep(self, *, grace: float = GRACE) -> list[str]:
        """The digests whose folders went; one that a request here still uses stays."""
        gone = []
        for digest in await self._database.read(holding.condemned, grace):
            if self._folders.in_use(digest):
                continue
            remove = partial(self._folders.remove, digest)
            if await self._database.write(holding.let_go, digest, grace, remove):
                gone.append(digest)
        known = await self._database.read(holding.known)
        await asyncio.to_thread(self._folders.clean, known)
        return gone
