"""Rows of adapters, as transactions: each belongs to one tenant."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, delete, exists, func, insert, or_, select, update

from kit.database import clock
from kit.errors import NotFound
from services.generation.repository.adapters.tables import adapters, aliases, grants, pins


@dataclass(frozen=True, slots=True)
class AdapterRow:
    """`checks` are dumps of the contract's; `wanted` are pairs of a component and a name."""

    tenant: str
    digest: str
    base: str
    rank: int
    size: int
    source: str
    state: str
    reasons: list[str]
    checks: list[dict[str, str]]
    wanted: list[list[str]]
    job: str
    created_at: float
    updated_at: float
    pinned: bool


@dataclass(frozen=True, slots=True)
class Weights:
    """What a registration found out before any check against a base model."""

    digest: str
    rank: int
    size: int


_IS_PINNED = and_(pins.c.tenant == adapters.c.tenant, pins.c.digest == adapters.c.digest)
_COLUMNS = [
    *(adapters.c[name] for name in AdapterRow.__slots__ if name != "pinned"),
    exists().where(_IS_PINNED).label("pinned"),
]


def absent(digest: str) -> NotFound:
    return NotFound(f"There is no adapter sha256:{digest}.", param="digest")


def insert_checking(
    connection: Connection,
    tenant: str,
    weights: Weights,
    *,
    base: str,
    source: str,
    wanted: Sequence[tuple[str, str]],
    job: str,
) -> None:
    """Takes the place of a row that was refused, if there is one."""
    now = clock(connection)
    connection.execute(delete(adapters).where(_one(tenant, weights.digest)))
    connection.execute(
        insert(adapters).values(
            tenant=tenant,
            digest=weights.digest,
            base=base,
            rank=weights.rank,
            size=weights.size,
            source=source,
            state="checking",
            reasons=[],
            checks=[],
            wanted=[list(pair) for pair in wanted],
            job=job,
            created_at=now,
            updated_at=now,
        )
    )


def find(
    connection: Connection, tenant: str, digest: str, *, lock: bool = False
) -> AdapterRow | None:
    query = select(*_COLUMNS).where(_one(tenant, digest))
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _row(row)


def get(connection: Connection, tenant: str, digest: str, *, lock: bool = False) -> AdapterRow:
    """Raises NotFound."""
    found = find(connection, tenant, digest, lock=lock)
    if found is None:
        raise absent(digest)
    return found


def visible(
    connection: Connection, tenant: str, account: str, digest: str | None = None
) -> list[AdapterRow]:
    """The tenant's own adapters, and the ready ones that others grant it; the newest first."""
    granted = exists().where(
        grants.c.tenant == adapters.c.tenant,
        grants.c.digest == adapters.c.digest,
        grants.c.account == account,
    )
    theirs = and_(adapters.c.state == "ready", granted)
    query = select(*_COLUMNS).where(or_(adapters.c.tenant == tenant, theirs))
    if digest is not None:
        query = query.where(adapters.c.digest == digest)
    rows = connection.execute(query.order_by(adapters.c.created_at.desc(), adapters.c.digest))
    found = [_row(row) for row in rows]
    return sorted(found, key=lambda row: row.tenant != tenant)


def change(connection: Connection, tenant: str, digest: str, **values: Any) -> None:
    connection.execute(
        update(adapters).where(_one(tenant, digest)).values(updated_at=clock(connection), **values)
    )


def remove(connection: Connection, tenant: str, digest: str) -> None:
    """With every name that leads to it, in whatever tenant, and its grants."""
    get(connection, tenant, digest, lock=True)
    connection.execute(delete(aliases).where(aliases.c.owner == tenant, aliases.c.digest == digest))
    connection.execute(delete(grants).where(grants.c.tenant == tenant, grants.c.digest == digest))
    connection.execute(delete(pins).where(pins.c.tenant == tenant, pins.c.digest == digest))
    connection.execute(delete(adapters).where(_one(tenant, digest)))


def checking(connection: Connection, tenant: str) -> list[AdapterRow]:
    query = select(*_COLUMNS).where(adapters.c.tenant == tenant, adapters.c.state == "checking")
    return [_row(row) for row in connection.execute(query)]


def passed(connection: Connection, digest: str, base: str) -> list[dict[str, str]]:
    """The checks of the same weights on the same base, where some tenant's passed every one."""
    query = select(adapters.c.checks).where(
        adapters.c.digest == digest, adapters.c.base == base, adapters.c.state == "ready"
    )
    found = connection.execute(query).scalars()
    return next((c for c in found if c and all(one["outcome"] == "passed" for one in c)), [])


def desired(connection: Connection) -> list[tuple[str, str, int, bool]]:
    """Digest, base, rank and whether it is pinned, of everything that some tenant may use.

    What was pinned first comes first.
    """
    since = func.min(pins.c.created_at)
    query = (
        select(adapters.c.digest, adapters.c.base, adapters.c.rank, since.label("since"))
        .outerjoin(pins, _IS_PINNED)
        .where(adapters.c.state == "ready")
        .group_by(adapters.c.digest, adapters.c.base, adapters.c.rank)
        .order_by(since, adapters.c.digest)
    )
    found = connection.execute(query)
    return [(row.digest, row.base, row.rank, row.since is not None) for row in found]


def _one(tenant: str, digest: str) -> Any:
    return and_(adapters.c.tenant == tenant, adapters.c.digest == digest)


def _row(row: Any) -> AdapterRow:
    return AdapterRow(*row)
