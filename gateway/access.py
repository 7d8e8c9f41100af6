"""What says who may, how often, and what was done."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from kit.auth.audit import AuditLog
from kit.auth.audit_heads import HeadsFile
from kit.auth.budgets import Budgets
from kit.auth.directory import KeyDirectory
from kit.auth.keyring import Keyring
from kit.auth.limits import Limiter
from kit.auth.metering import Metering
from kit.auth.usage import UsageMeter
from kit.catalogue import Catalogue
from kit.database import Database


@dataclass(frozen=True, slots=True)
class Access:
    """One per process."""

    directory: KeyDirectory
    limiter: Limiter
    usage: UsageMeter
    budgets: Budgets
    audit: AuditLog

    @classmethod
    def of(cls, database: Database, keyring: Keyring, heads: Path, limiter: Limiter) -> "Access":
        """`heads` is the file of signed audit heads; `limiter` holds tenants to their limits."""
        usage = UsageMeter(database)
        return cls(
            KeyDirectory(database, keyring),
            limiter,
            usage,
            Budgets(database, usage),
            AuditLog(database, keyring.audit, HeadsFile(heads, keyring.audit)),
        )

    def metering(self, catalogue: Catalogue) -> Metering:
        """The catalogue has the prices."""
        return Metering(self.limiter, self.usage, self.budgets, catalogue)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Stores what waits when it ends; enter it before whatever is counted and audited."""
        self.audit.start()
        self.usage.start()
        try:
            yield
        finally:
            await self.usage.close()
            await self.audit.close()
            await self.directory.close()
