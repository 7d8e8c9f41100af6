"""What owners do with their adapters: look at them, name them, grant them, delete them."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import Connection

from contracts.contract import Nothing
from contracts.generation import adapters as a
from kit.auth.principal import Principal
from kit.catalogue import Catalogue
from kit.database import Database
from kit.errors import Conflict, InvalidRequest
from services.generation.repository.adapters import holding, names, pinning, rows, sharing
from services.generation.repository.adapters.pinning import Pins
from services.generation.repository.adapters.sharing import Allowance
from services.generation.service.adapters.auditing import Auditor
from services.generation.service.adapters.lookup import Lookup
from services.generation.service.adapters.shown import shown
from services.generation.service.adapters.unfinished import settle_unfinished

_NOTHING = Nothing()
T = TypeVar("T")


class Owning:
    """Another tenant's adapter is NotFound, unless it is granted."""

    def __init__(
        self,
        database: Database,
        catalogue: Catalogue,
        *,
        lookup: Lookup,
        auditor: Auditor,
        allowance: Allowance,
        pins: Pins,
    ) -> None:
        self._database, self._catalogue = database, catalogue
        self._lookup, self._auditor = lookup, auditor
        self._allowance, self._pins = allowance, pins

    async def get(self, who: Principal, digest: str) -> a.Adapter:
        found = await self._visible(who, digest)
        if not found:
            raise rows.absent(digest)
        return found[0]

    async def one(self, who: Principal, ask: a.AdapterId) -> a.Adapter:
        return await self.get(who, ask.digest)

    async def list(self, who: Principal, _: Nothing) -> a.Adapters:
        return a.Adapters(items=[*await self._visible(who)])

    async def delete(self, who: Principal, ask: a.AdapterId) -> Nothing:
        def delete(connection: Connection) -> None:
            rows.remove(connection, who.tenant, ask.digest)
            holding.condemn(connection, ask.digest)

        await self._change(delete)
        await self._auditor.deleted(who, ask.digest)
        return _NOTHING

    async def aliases(self, who: Principal, ask: a.ComponentId) -> a.Aliases:
        found = await self._database.read(names.of_tenant, who.tenant, ask.component)
        return a.Aliases(items=found)

    async def put_alias(self, who: Principal, ask: a.PutAlias) -> a.Alias:
        """Moves the name; what it led to before stays in its history."""
        if not ask.component and self._catalogue.knows(ask.name, kind="text"):
            raise Conflict(f"{ask.name} is the name of a base model; choose another.", param="name")
        moved = await self._change(lambda c: _move(c, who, ask, ask.digest))
        await self._auditor.moved(who, ask.component, ask.name, moved.digest)
        return moved

    async def delete_alias(self, who: Principal, ask: a.AliasId) -> Nothing:
        await self._change(
            lambda c: names.remove(c, who.tenant, ask.component, ask.name, key=who.key)
        )
        await self._auditor.moved(who, ask.component, ask.name, None)
        return _NOTHING

    async def rollback(self, who: Principal, ask: a.Rollback) -> a.Alias:
        def back(connection: Connection) -> a.Alias:
            place = (who.tenant, ask.component, ask.name)
            _, digest = names.earlier(connection, *place, ask.version)
            return _move(connection, who, ask, digest)

        moved = await self._change(back)
        await self._auditor.moved(who, ask.component, ask.name, moved.digest)
        return moved

    async def history(self, who: Principal, ask: a.AliasId) -> a.Moves:
        found = await self._database.read(names.history, who.tenant, ask.component, ask.name)
        return a.Moves(items=found)

    async def release(self, who: Principal, component: str) -> None:
        """Forgets the names of a component, and their history; the adapters stay."""
        if not component:
            raise ValueError("Only the names of a component are released.")
        await self._change(lambda c: names.release(c, who.tenant, component))

    async def grant(self, who: Principal, ask: a.Grant) -> a.Grants:
        if ask.account == who.account:
            raise InvalidRequest("The adapter is yours already.", param="account")
        granted = await self._change(
            lambda c: sharing.grant(c, who.tenant, ask.digest, ask.account)
        )
        await self._auditor.granted(who, ask.digest, ask.account)
        return a.Grants(accounts=granted)

    async def revoke(self, who: Principal, ask: a.Grant) -> a.Grants:
        left = await self._change(lambda c: sharing.revoke(c, who.tenant, ask.digest, ask.account))
        await self._auditor.revoked(who, ask.digest, ask.account)
        return a.Grants(accounts=left)

    async def grants(self, who: Principal, ask: a.AdapterId) -> a.Grants:
        found = await self._database.read(sharing.accounts, who.tenant, ask.digest)
        return a.Grants(accounts=found)

    async def pin(self, who: Principal, ask: a.AdapterId) -> a.Adapter:
        """Every replica of its base has it from now on, and again after each restart."""
        await self._change(lambda c: pinning.pin(c, who.tenant, ask.digest, self._pins))
        await self._auditor.pinned(who, ask.digest)
        return await self.get(who, ask.digest)

    async def unpin(self, who: Principal, ask: a.AdapterId) -> a.Adapter:
        await self._change(lambda c: pinning.unpin(c, who.tenant, ask.digest))
        await self._auditor.unpinned(who, ask.digest)
        return await self.get(who, ask.digest)

    async def quota(self, who: Principal, _: Nothing) -> a.Quota:
        def look(connection: Connection) -> a.Quota:
            allowed = sharing.quota(connection, who.tenant, self._allowance)
            kept = sharing.kept(connection, who.tenant)
            return a.Quota(
                adapters=allowed.adapters,
                bytes=allowed.bytes,
                pins=self._pins.own,
                adapters_used=kept.adapters,
                bytes_used=kept.bytes,
                pins_used=pinning.pinned(connection, who.tenant),
            )

        return await self._database.read(look)

    async def _visible(self, who: Principal, digest: str | None = None) -> Sequence[a.Adapter]:
        found = await self._database.read(_shown, who, digest)
        if any(one.owned and one.state == "checking" for one in found):
            settled = await self._database.write(settle_unfinished, who.tenant)
            if settled:
                self._lookup.forget()
                found = await self._database.read(_shown, who, digest)
        return found

    async def _change(self, work: Callable[[Connection], T]) -> T:
        """What changes is seen by the next request to this process."""
        done = await self._database.write(work)
        self._lookup.forget()
        return done


def _shown(connection: Connection, who: Principal, digest: str | None) -> Sequence[a.Adapter]:
    """One entry per digest: the tenant's own row comes before one that is granted."""
    known = names.by_adapter(connection, who.tenant)
    found: dict[str, a.Adapter] = {}
    for row in rows.visible(connection, who.tenant, who.account, digest):
        found.setdefault(row.digest, shown(row, who.tenant, known))
    return list(found.values())


def _move(connection: Connection, who: Principal, ask: a.AliasId, digest: str) -> a.Alias:
    target = names.by_digest(connection, who.tenant, who.account, digest)
    if target is None:
        raise rows.absent(digest)
    if target.state != "ready":
        raise Conflict(f"The adapter sha256:{digest} is {target.state}, and not ready.")
    return names.move(
        connection,
        who.tenant,
        ask.component,
        ask.name,
        owner=target.owner,
        digest=digest,
        key=who.key,
    )
