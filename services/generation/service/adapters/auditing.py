"""What the adapter registry leaves in the audit log of the tenant whose adapter it is."""

from typing import Any, Protocol

from kit.auth.principal import Principal


class Record(Protocol):
    """Returns once the entry is durable."""

    async def __call__(
        self, who: Principal, operation: str, resource: str, outcome: str, details: dict[str, Any]
    ) -> None: ...


class Auditor:
    """Entries name adapters by digest, and names and accounts as they were given."""

    def __init__(self, record: Record) -> None:
        self._record = record

    async def registered(self, who: Principal, digest: str, base: str, source: str) -> None:
        await self._told(who, "RegisterAdapter", digest, {"base": base, "source": source})

    async def admitted(self, who: Principal, digest: str, base: str) -> None:
        await self._told(who, "AdmitAdapter", digest, {"base": base})

    async def refused(self, who: Principal, digest: str, reasons: list[str]) -> None:
        resource, details = f"adapter/sha256:{digest}", {"reasons": reasons}
        await self._record(who, "generation:AdmitAdapter", resource, "refused", details)

    async def deleted(self, who: Principal, digest: str) -> None:
        await self._told(who, "DeleteAdapter", digest, {})

    async def moved(self, who: Principal, component: str, name: str, digest: str | None) -> None:
        details = {"component": component, "digest": digest}
        resource = f"adapter-alias/{name}"
        await self._record(who, "generation:MoveAdapterAlias", resource, "ok", details)

    async def granted(self, who: Principal, digest: str, account: str) -> None:
        await self._told(who, "GrantAdapter", digest, {"account": account})

    async def revoked(self, who: Principal, digest: str, account: str) -> None:
        await self._told(who, "RevokeAdapter", digest, {"account": account})

    async def pinned(self, who: Principal, digest: str) -> None:
        await self._told(who, "PinAdapter", digest, {})

    async def unpinned(self, who: Principal, digest: str) -> None:
        await self._told(who, "UnpinAdapter", digest, {})

    async def _told(
        self, who: Principal, operation: str, digest: str, details: dict[str, Any]
    ) -> None:
        resource = f"adapter/sha256:{digest}"
        await self._record(who, f"generation:{operation}", resource, "ok", details)
