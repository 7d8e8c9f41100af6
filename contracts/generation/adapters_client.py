"""The adapter registry of the generation service, as the other processes see it."""

from contracts.client import ServiceClient
from contracts.contract import Nothing
from contracts.generation import adapters as a
from kit.auth.principal import Principal


class AdaptersClient(ServiceClient):
    """Raises the leaves of kit.errors; another tenant's adapter is NotFound."""

    async def add(self, principal: Principal, ask: a.AddAdapter) -> a.Adapter:
        """Returns once the files are safe; a job checks them against the base model.

        Raises InvalidRequest with the reason for what is refused at once, Conflict over a quota.
        """
        return await self._call(principal, "/adapters/add", ask, a.Adapter)

    async def check(self, principal: Principal, ask: a.Upload) -> None:
        """Raises what `add` would raise whatever the bytes are, so that none need be taken in."""
        await self._call(principal, "/adapters/check", ask, Nothing)

    async def get(self, principal: Principal, digest: str) -> a.Adapter:
        ask = a.AdapterId(digest=digest)
        return await self._call(principal, "/adapters/get", ask, a.Adapter)

    async def list(self, principal: Principal) -> list[a.Adapter]:
        """The tenant's own, and those that others grant it; the newest first."""
        found = await self._call(principal, "/adapters/list", Nothing(), a.Adapters)
        return found.items

    async def delete(self, principal: Principal, digest: str) -> None:
        """Its names and grants go at once."""
        await self._call(principal, "/adapters/delete", a.AdapterId(digest=digest), Nothing)

    async def aliases(self, principal: Principal, component: str = "") -> a.Aliases:
        ask = a.ComponentId(component=component)
        return await self._call(principal, "/adapters/aliases/list", ask, a.Aliases)

    async def put_alias(self, principal: Principal, ask: a.PutAlias) -> a.Alias:
        return await self._call(principal, "/adapters/aliases/put", ask, a.Alias)

    async def delete_alias(self, principal: Principal, ask: a.AliasId) -> None:
        await self._call(principal, "/adapters/aliases/delete", ask, Nothing)

    async def rollback(self, principal: Principal, ask: a.Rollback) -> a.Alias:
        return await self._call(principal, "/adapters/aliases/rollback", ask, a.Alias)

    async def history(self, principal: Principal, ask: a.AliasId) -> a.Moves:
        return await self._call(principal, "/adapters/aliases/history", ask, a.Moves)

    async def grant(self, principal: Principal, ask: a.Grant) -> a.Grants:
        return await self._call(principal, "/adapters/grants/put", ask, a.Grants)

    async def revoke(self, principal: Principal, ask: a.Grant) -> a.Grants:
        return await self._call(principal, "/adapters/grants/delete", ask, a.Grants)

    async def grants(self, principal: Principal, digest: str) -> a.Grants:
        ask = a.AdapterId(digest=digest)
        return await self._call(principal, "/adapters/grants/list", ask, a.Grants)

    async def pin(self, principal: Principal, digest: str) -> a.Adapter:
        """Keeps a ready adapter of one's own loaded; Conflict where there is no place for it."""
        ask = a.AdapterId(digest=digest)
        return await self._call(principal, "/adapters/pins/put", ask, a.Adapter)

    async def unpin(self, principal: Principal, digest: str) -> a.Adapter:
        ask = a.AdapterId(digest=digest)
        return await self._call(principal, "/adapters/pins/delete", ask, a.Adapter)

    async def quota(self, principal: Principal) -> a.Quota:
        return await self._call(principal, "/adapters/quota", Nothing(), a.Quota)

    async def admit(self, principal: Principal, ask: a.AdmitAdapter) -> a.Admitted:
        """A step of the job `adapter-admission`; doing it twice changes nothing."""
        return await self._call(principal, "/adapters/admit", ask, a.Admitted)
