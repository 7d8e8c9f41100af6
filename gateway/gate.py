"""Who may come in, how often, and what is written down of it: the same for every door."""

from dataclasses import dataclass

from kit.auth.audit import AuditLog
from kit.auth.audit_chain import AuditEvent
from kit.auth.directory import KeyDirectory
from kit.auth.limits import Limiter
from kit.auth.principal import Principal
from kit.auth.scopes import require
from kit.auth.usage import UsageMeter
from kit.errors import Unauthenticated
from kit.telemetry import OPERATIONS


@dataclass(frozen=True, slots=True)
class Visit:
    """A request that ended; `outcome` is `ok` or the door's own error code."""

    principal: Principal
    operation: str
    outcome: str
    request_id: str
    resource: str = ""


def bearer_token(authorization: str) -> str:
    """Of an `Authorization` header; raises Unauthenticated."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("Give a key as `Authorization: Bearer …`.")
    return token.strip()


class Gate:
    """Shared by the doors of one process."""

    def __init__(
        self, directory: KeyDirectory, limiter: Limiter, usage: UsageMeter, audit: AuditLog
    ) -> None:
        self._directory = directory
        self._limiter = limiter
        self._usage = usage
        self._audit = audit

    async def by_bearer(self, authorization: str) -> Principal:
        """Of an `Authorization` header; raises Unauthenticated."""
        return await self._directory.by_bearer(bearer_token(authorization))

    async def admit(self, principal: Principal, operation: str, resource: str = "*") -> None:
        """Raises PermissionDenied without the scope, RateLimited over the limit."""
        require(principal.scopes, operation, resource)
        await self.count(principal)

    async def count(self, principal: Principal) -> None:
        """Takes one request from the tenant's limit; the AWS door checks scopes in its own step."""
        tenant = principal.tenant
        await self._limiter.admit(tenant, self._directory.limits_of(tenant))

    async def record(self, visit: Visit) -> None:
        """Counts the visit for the bill, and notes it in the tenant's audit chain."""
        who = visit.principal
        self._usage.add(who.tenant, visit.operation)
        OPERATIONS.labels(visit.operation, visit.outcome).inc()
        await self._audit.note(
            AuditEvent(
                tenant=who.tenant,
                key=who.key,
                operation=visit.operation,
                resource=visit.resource,
                outcome=visit.outcome,
                request_id=visit.request_id,
            )
        )
