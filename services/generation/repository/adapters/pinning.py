"""Adapters that stay loaded, and how many each tenant and each base may have of them."""

from dataclasses import dataclass

from sqlalchemy import Connection, and_, delete, distinct, func, select

from kit.database import clock, insert_or_ignore
from kit.errors import Conflict
from services.generation.repository.adapters import rows, sharing
from services.generation.repository.adapters.tables import adapters, pins


@dataclass(frozen=True, slots=True)
class Pins:
    """How many a tenant may have, and all tenants together on one base."""

    own: int
    of_base: int


def pin(connection: Connection, tenant: str, digest: str, most: Pins) -> None:
    """Raises NotFound, and Conflict for one that is not ready or one too many."""
    row = rows.get(connection, tenant, digest, lock=True)
    if row.state != "ready":
        raise Conflict(f"The adapter sha256:{digest} is {row.state}, and not ready.")
    sharing.hold_quota(connection, tenant)
    connection.execute(
        insert_or_ignore(connection, pins).values(
            tenant=tenant, digest=digest, created_at=clock(connection)
        )
    )
    if pinned(connection, tenant) > most.own:
        raise Conflict(f"You may pin {most.own} adapters; unpin one first.")
    if _of_base(connection, row.base) > most.of_base:
        raise Conflict(f"{row.base} has no place left for adapters that stay loaded.")


def unpin(connection: Connection, tenant: str, digest: str) -> None:
    rows.get(connection, tenant, digest, lock=True)
    connection.execute(delete(pins).where(pins.c.tenant == tenant, pins.c.digest == digest))


def pinned(connection: Connection, tenant: str) -> int:
    query = select(func.count()).select_from(pins).where(pins.c.tenant == tenant)
    return int(connection.execute(query).scalar_one())


def _of_base(connection: Connection, base: str) -> int:
    """Of all tenants; the same weights take one place."""
    same = and_(pins.c.tenant == adapters.c.tenant, pins.c.digest == adapters.c.digest)
    query = select(func.count(distinct(pins.c.digest))).select_from(pins.join(adapters, same))
    return int(connection.execute(query.where(adapters.c.base == base)).scalar_one())
