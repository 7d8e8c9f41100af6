"""The keys in memory: who a credential belongs to, in microseconds, revocations seen in seconds."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import monotonic
from typing import TypeAlias

from sqlalchemy import Connection

from kit.auth import repository
from kit.auth.keyring import Keyring
from kit.auth.keys import is_access_key_id, is_bearer
from kit.auth.limits import Limits
from kit.auth.principal import Principal
from kit.auth.repository import FoundKey, IssuedKeys, KeyInfo, Tenant
from kit.auth.scopes import FULL_ACCESS, Scope
from kit.database import Database
from kit.errors import Unauthenticated

_Find: TypeAlias = Callable[[Connection, str], FoundKey | None]

REFRESH_AFTER = 2.0  # seconds after which a call starts a look at the version
TRUST_FOR = 4.0  # seconds after which a call waits for that look: the bound on revocations
MARK_EVERY = 60.0
_MOST_CACHED = 50_000
_MOST_ABSENT = 10_000
_FOREVER = float("inf")


@dataclass(frozen=True, slots=True)
class _Cached:
    principal: Principal
    secret: str
    dies: float  # by the monotonic clock


class _Cache:
    """Answers by credential. Each kind has its own: a name of one must never open the other."""

    def __init__(self) -> None:
        self.known: dict[str, _Cached] = {}
        self.absent: set[str] = set()

    def clear(self) -> None:
        self.known.clear()
        self.absent.clear()


class KeyDirectory:
    """One per process. What it remembers is dropped when the version in the database moves."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database, self._keyring = database, keyring
        self._version = -1
        self._checked = -_FOREVER
        self._refreshing: asyncio.Task[None] | None = None
        self._bearers, self._pairs = _Cache(), _Cache()
        self._limits: dict[str, Limits] = {}
        self._used: dict[str, float] = {}
        self._marked = monotonic()

    async def create_tenant(self, name: str) -> Tenant:
        """The tenant of that name, made when there is none."""
        return await self._database.write(repository.ensure_tenant, name)

    async def create_keys(
        self,
        tenant: Tenant,
        scopes: Iterable[Scope] = (FULL_ACCESS,),
        lifetime: float | None = None,
    ) -> IssuedKeys:
        """A bearer key and an AWS pair; `lifetime` in seconds. The secrets are shown only here."""
        work = repository.create_keys
        issued = await self._database.write(work, self._keyring, tenant, scopes, lifetime)
        self._forget()
        return issued

    async def list(self, tenant: str) -> list[KeyInfo]:
        return await self._database.read(repository.list_keys, tenant)

    async def revoke(self, tenant: str, key: str) -> None:
        """By id, access key id or shown part. Here at once, in other processes within 5 s."""
        await self._database.write(repository.revoke_key, tenant, key)
        self._forget()

    async def set_limits(self, tenant: str, limits: Limits) -> None:
        await self._database.write(repository.set_limits, tenant, limits)
        self._forget()

    def limits_of(self, tenant: str) -> Limits:
        """The limits of a tenant that has authenticated here; no waiting.

        The last ones hold until its next key is read.
        """
        return self._limits[tenant]

    async def by_bearer(self, token: str) -> Principal:
        """Raises Unauthenticated; a mistyped key is refused without a look at the database."""
        if token not in self._bearers.known and not is_bearer(token):
            raise Unauthenticated("This is not a key of this platform; check it for typos.")
        found = await self._lookup(self._bearers, token, self._find_bearer)
        if found is None:
            raise Unauthenticated("This key is unknown, expired or revoked.")
        return found.principal

    async def secret_of(self, access_key_id: str) -> tuple[str, Principal] | None:
        """The secret that must have signed, and who signs with it; None for no such key."""
        if access_key_id not in self._pairs.known and not is_access_key_id(access_key_id):
            return None
        found = await self._lookup(self._pairs, access_key_id, self._find_pair)
        return None if found is None else (found.secret, found.principal)

    async def close(self) -> None:
        """Stores when keys were last used."""
        if self._refreshing is not None:
            await self._refreshing
        await self._mark_used()

    def _find_bearer(self, connection: Connection, token: str) -> FoundKey | None:
        return repository.find_bearer(connection, self._keyring.bearer_hash(token))

    def _find_pair(self, connection: Connection, access_key_id: str) -> FoundKey | None:
        return repository.find_aws(connection, self._keyring, access_key_id)

    async def _lookup(self, cache: _Cache, name: str, find: _Find) -> _Cached | None:
        now = monotonic()
        if now - self._checked > REFRESH_AFTER:
            await self._refresh(must_wait=now - self._checked > TRUST_FOR)
        cached = cache.known.get(name)
        if cached is None and name not in cache.absent:
            cached = await self._load(cache, name, find)
        if cached is None or cached.dies <= now:
            return None
        self._used[cached.principal.key] = now
        return cached

    async def _load(self, cache: _Cache, name: str, find: _Find) -> _Cached | None:
        version, now = self._version, monotonic()
        found = await self._database.read(find, name)
        # An answer that was read before a revocation must not be kept after it.
        keep = version == self._version
        if found is None:
            if keep:
                _make_room(cache.absent, _MOST_ABSENT)
                cache.absent.add(name)
            return None
        dies = _FOREVER if found.lives is None else now + found.lives
        cached = _Cached(found.principal, found.secret, dies)
        self._limits[found.principal.tenant] = found.limits
        if keep:
            _make_room(cache.known, _MOST_CACHED)
            cache.known[name] = cached
        return cached

    async def _refresh(self, must_wait: bool) -> None:
        if self._refreshing is None:
            self._refreshing = asyncio.create_task(self._look_at_version())
            self._refreshing.add_done_callback(self._refreshed)
        if must_wait:
            await asyncio.shield(self._refreshing)

    def _refreshed(self, task: asyncio.Task[None]) -> None:
        self._refreshing = None
        if not task.cancelled():
            task.exception()  # a failed look is told to whoever had to wait for it

    async def _look_at_version(self) -> None:
        started = monotonic()
        version = await self._database.read(repository.auth_version)
        if version != self._version:
            self._forget()
            self._version = version
        self._checked = started
        if started - self._marked > MARK_EVERY:
            await self._mark_used()

    def _forget(self) -> None:
        self._bearers.clear()
        self._pairs.clear()
        self._version = -1
        self._checked = -_FOREVER

    async def _mark_used(self) -> None:
        now = monotonic()
        seen = [(key, now - used) for key, used in self._used.items()]
        self._used.clear()
        self._marked = now
        if seen:
            await self._database.write(repository.mark_used, seen)


def _make_room(cache: dict[str, _Cached] | set[str], most: int) -> None:
    if len(cache) >= most:
        cache.clear()  # rare, and a reload is one indexed read
