"""Which process writes what becomes of deployments, where several share a database."""

from time import monotonic

from kit.database import Database
from kit.identifiers import row_id
from services.generation.repository.hosting import leases

_WORK = "hosting"
LEASE = 15.0
"""Seconds after which another process may lead, where one has gone without a word."""
_RENEWED = LEASE / 3


class Leading:
    """Ask before every look; a lease that the database could not renew ends by itself."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._owner = row_id()
        self._taken_at = float("-inf")

    async def is_mine(self) -> bool:
        """Renews in time. A database in a file belongs to one process, which need not ask."""
        if self._database.is_sqlite or monotonic() < self._taken_at + _RENEWED:
            return True
        if await self._database.read(leases.others, _WORK, self._owner):
            return False
        began = monotonic()
        if not await self._database.write(leases.take, _WORK, self._owner, LEASE):
            return False
        self._taken_at = began
        return True

    async def leave(self) -> None:
        self._taken_at = float("-inf")
        if not self._database.is_sqlite:
            await self._database.write(leases.leave, _WORK, self._owner)
