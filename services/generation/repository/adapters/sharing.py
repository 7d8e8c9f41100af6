"""Grants to other tenants, and what each tenant may keep."""

from dataclasses import dataclass

from sqlalchemy import Connection, case, delete, func, select, update

from kit.database import clock, insert_or_ignore
from kit.errors import Conflict
from services.generation.repository.adapters import rows
from services.generation.repository.adapters.tables import adapters, grants, quotas


@dataclass(frozen=True, slots=True)
class Allowance:
    adapters: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Kept:
    """Refused adapters count, but take no bytes: theirs are gone."""

    adapters: int
    bytes: int


def grant(connection: Connection, tenant: str, digest: str, account: str) -> list[str]:
    rows.get(connection, tenant, digest, lock=True)
    connection.execute(
        insert_or_ignore(connection, grants).values(
            tenant=tenant, digest=digest, account=account, created_at=clock(connection)
        )
    )
    return accounts(connection, tenant, digest)


def revoke(connection: Connection, tenant: str, digest: str, account: str) -> list[str]:
    """Names of the other tenant stay, and lead nowhere unless it is granted again."""
    rows.get(connection, tenant, digest, lock=True)
    connection.execute(
        delete(grants).where(
            grants.c.tenant == tenant, grants.c.digest == digest, grants.c.account == account
        )
    )
    return accounts(connection, tenant, digest)


def accounts(connection: Connection, tenant: str, digest: str) -> list[str]:
    rows.get(connection, tenant, digest)
    query = select(grants.c.account).where(grants.c.tenant == tenant, grants.c.digest == digest)
    return list(connection.execute(query.order_by(grants.c.account)).scalars())


def set_quota(connection: Connection, tenant: str, allowance: Allowance) -> None:
    values = {"adapters": allowance.adapters, "bytes": allowance.bytes}
    connection.execute(insert_or_ignore(connection, quotas).values(tenant=tenant))
    connection.execute(update(quotas).where(quotas.c.tenant == tenant).values(**values))


def quota(connection: Connection, tenant: str, default: Allowance) -> Allowance:
    row = connection.execute(select(quotas).where(quotas.c.tenant == tenant)).one_or_none()
    if row is None:
        return default
    count = default.adapters if row.adapters is None else row.adapters
    return Allowance(count, default.bytes if row.bytes is None else row.bytes)


def kept(connection: Connection, tenant: str) -> Kept:
    size = case((adapters.c.state == "refused", 0), else_=adapters.c.size)
    query = select(func.count(), func.coalesce(func.sum(size), 0))
    count, total = connection.execute(
        query.select_from(adapters).where(adapters.c.tenant == tenant)
    ).one()
    return Kept(count, int(total))


def hold_quota(connection: Connection, tenant: str) -> None:
    """Two registrations of a tenant count one after the other."""
    connection.execute(insert_or_ignore(connection, quotas).values(tenant=tenant))
    connection.execute(select(quotas).where(quotas.c.tenant == tenant).with_for_update())


def check_room(connection: Connection, tenant: str, default: Allowance) -> None:
    """Raises Conflict where the tenant has no place for one more adapter, however small."""
    check_quota(connection, tenant, default, more=1)


def check_quota(connection: Connection, tenant: str, default: Allowance, *, more: int = 0) -> None:
    """Raises Conflict where the tenant keeps more than it may; call it after the inserts.

    `more` is of adapters that are to come, of a byte each at least.
    """
    allowed, found = quota(connection, tenant, default), kept(connection, tenant)
    now = Kept(found.adapters + more, found.bytes + more)
    if now.adapters > allowed.adapters:
        raise Conflict(
            f"You may keep {allowed.adapters} adapters; delete one, or ask for a larger quota."
        )
    if now.bytes > allowed.bytes:
        raise Conflict(
            f"Your adapters may take {allowed.bytes} bytes, and would take {now.bytes}; delete "
            "one, or ask for a larger quota."
        )
