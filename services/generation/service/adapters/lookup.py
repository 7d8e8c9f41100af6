"""What names lead to, remembered for a second, and not at all past a change made here."""

from collections.abc import Callable
from time import monotonic
from typing import TypeAlias

from sqlalchemy import Connection

from kit.auth.principal import Principal
from kit.database import Database
from services.generation.repository.adapters import names
from services.generation.repository.adapters.names import Found

_SECONDS = 1.0
_MOST = 20_000
_Key: TypeAlias = tuple[str, str, str, str]


class Lookup:
    """One per process; whoever changes rows calls `forget` after the commit."""

    def __init__(self, database: Database, clock: Callable[[], float] = monotonic) -> None:
        self._database, self._clock = database, clock
        self._known: dict[_Key, tuple[float, Found | None]] = {}
        self._changes = 0

    async def named(self, who: Principal, component: str, name: str) -> Found | None:
        """None for what is absent and for what is somebody else's, found out the same way."""
        key = (who.tenant, who.account, component, name)
        return await self._find(key, lambda c: names.named(c, *key))

    async def by_digest(self, who: Principal, digest: str) -> Found | None:
        key = (who.tenant, who.account, "@", digest)  # no component is called that
        return await self._find(key, lambda c: names.by_digest(c, who.tenant, who.account, digest))

    def forget(self) -> None:
        self._changes += 1
        self._known.clear()

    async def _find(self, key: _Key, query: Callable[[Connection], Found | None]) -> Found | None:
        until, found = self._known.get(key, (0.0, None))
        now = self._clock()
        if now < until:
            return found
        changes = self._changes
        found = await self._database.read(query)
        if changes == self._changes:  # else the rows may be older than the change
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[key] = (now + _SECONDS, found)
        return found
