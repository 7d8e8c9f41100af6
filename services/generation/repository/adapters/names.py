"""Names that lead to adapters, and where each has led before."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, delete, func, or_, select, update

from contracts.generation.adapters import Alias, Move, NameOf
from kit.database import clock, insert_or_ignore
from kit.errors import Conflict, NotFound
from services.generation.repository.adapters.tables import adapters, aliases, grants, moves


@dataclass(frozen=True, slots=True)
class Found:
    """An adapter that a tenant may ask for, in whatever state it is."""

    owner: str
    digest: str
    base: str
    rank: int
    state: str
    reasons: list[str]


_FOUND = [adapters.c[name] for name in ("tenant", "digest", "base", "rank", "state", "reasons")]


def named(
    connection: Connection, tenant: str, account: str, component: str, name: str
) -> Found | None:
    """What a name leads to now; None also where its owner no longer grants it."""
    return _first(
        connection,
        select(*_FOUND)
        .join(aliases, and_(aliases.c.owner == adapters.c.tenant, _same_digest(aliases)))
        .outerjoin(grants, _granted_to(account))
        .where(_name(aliases, tenant, component, name), _allowed(tenant)),
    )


def by_digest(connection: Connection, tenant: str, account: str, digest: str) -> Found | None:
    """The tenant's own comes before one that is granted."""
    return _first(
        connection,
        select(*_FOUND)
        .outerjoin(grants, _granted_to(account))
        .where(adapters.c.digest == digest, _allowed(tenant))
        .order_by((adapters.c.tenant != tenant), (adapters.c.state != "ready"))
        .limit(1),
    )


def exists(connection: Connection, tenant: str, component: str, name: str) -> bool:
    query = select(aliases.c.name).where(_name(aliases, tenant, component, name))
    return connection.execute(query).one_or_none() is not None


def get(connection: Connection, tenant: str, component: str, name: str) -> Alias:
    """Raises NotFound."""
    found = of_tenant(connection, tenant, component, name)
    if not found:
        raise NotFound(f"There is no adapter alias {name}.", param="name")
    return found[0]


def of_tenant(
    connection: Connection, tenant: str, component: str, name: str | None = None
) -> list[Alias]:
    """In order of their names."""
    query = select(aliases).where(aliases.c.tenant == tenant, aliases.c.component == component)
    if name is not None:
        query = query.where(aliases.c.name == name)
    return [
        Alias(
            name=row.name,
            component=row.component,
            digest=row.digest,
            version=row.version,
            updated_at=row.updated_at,
        )
        for row in connection.execute(query.order_by(aliases.c.name))
    ]


def by_adapter(connection: Connection, tenant: str) -> dict[str, list[NameOf]]:
    """The tenant's names of each digest."""
    query = select(aliases).where(aliases.c.tenant == tenant).order_by(aliases.c.name)
    names: dict[str, list[NameOf]] = {}
    for row in connection.execute(query):
        names.setdefault(row.digest, []).append(NameOf(name=row.name, component=row.component))
    return names


def move(
    connection: Connection,
    tenant: str,
    component: str,
    name: str,
    *,
    owner: str,
    digest: str,
    key: str,
) -> Alias:
    """Lets a name lead to an adapter, unless it does already; `key` is who does it."""
    same = [aliases.c.owner == owner, aliases.c.digest == digest]
    there = select(aliases.c.name).where(_name(aliases, tenant, component, name), *same)
    if connection.execute(there).one_or_none() is not None:
        return get(connection, tenant, component, name)
    version = _add_move(connection, tenant, component, name, owner=owner, digest=digest, key=key)
    values = {
        "owner": owner,
        "digest": digest,
        "version": version,
        "updated_at": clock(connection),
    }
    place = {"tenant": tenant, "component": component, "name": name}
    added = connection.execute(insert_or_ignore(connection, aliases).values(**place, **values))
    if added.rowcount == 0:
        this = _name(aliases, tenant, component, name)
        connection.execute(update(aliases).where(this).values(**values))
    return get(connection, tenant, component, name)


def remove(connection: Connection, tenant: str, component: str, name: str, *, key: str) -> None:
    get(connection, tenant, component, name)
    _add_move(connection, tenant, component, name, owner=None, digest=None, key=key)
    connection.execute(delete(aliases).where(_name(aliases, tenant, component, name)))


def release(connection: Connection, tenant: str, component: str) -> None:
    """Forgets the names of a component, and their history."""
    for table in (aliases, moves):
        connection.execute(
            delete(table).where(table.c.tenant == tenant, table.c.component == component)
        )


def history(connection: Connection, tenant: str, component: str, name: str) -> list[Move]:
    """The newest first; raises NotFound for a name that has never led anywhere."""
    rows = _moves(connection, tenant, component, name)
    if not rows:
        raise NotFound(f"There is no adapter alias {name}.", param="name")
    return [Move(version=row.version, digest=row.digest, key=row.key, at=row.at) for row in rows]


def earlier(
    connection: Connection, tenant: str, component: str, name: str, version: int | None
) -> tuple[str, str]:
    """Owner and digest at `version`, or before the last move. Raises NotFound, Conflict."""
    now = get(connection, tenant, component, name)
    for row in _moves(connection, tenant, component, name):
        wanted = row.version == version if version else row.version < now.version
        if wanted and row.digest is not None:
            return row.owner, row.digest
    if version:
        raise NotFound(f"The alias {name} has no version {version}.", param="version")
    raise Conflict(f"The alias {name} has not moved yet: there is nothing to go back to.")


def _moves(connection: Connection, tenant: str, component: str, name: str) -> list[Any]:
    query = select(moves).where(_name(moves, tenant, component, name))
    return list(connection.execute(query.order_by(moves.c.version.desc())))


def _add_move(
    connection: Connection,
    tenant: str,
    component: str,
    name: str,
    *,
    owner: str | None,
    digest: str | None,
    key: str,
) -> int:
    """The unique version orders the moves of a name, also when two come at once."""
    place = {"tenant": tenant, "component": component, "name": name}
    last = select(func.max(moves.c.version)).where(_name(moves, tenant, component, name))
    while True:
        version = (connection.execute(last).scalar_one() or 0) + 1
        values = {"version": version, "owner": owner, "digest": digest, "key": key}
        added = connection.execute(
            insert_or_ignore(connection, moves).values(**place, **values, at=clock(connection))
        )
        if added.rowcount:
            return version


def _first(connection: Connection, query: Any) -> Found | None:
    row = connection.execute(query).first()
    return None if row is None else Found(*row)


def _name(table: Any, tenant: str, component: str, name: str) -> Any:
    return and_(table.c.tenant == tenant, table.c.component == component, table.c.name == name)


def _same_digest(table: Any) -> Any:
    return table.c.digest == adapters.c.digest


def _granted_to(account: str) -> Any:
    return and_(
        grants.c.tenant == adapters.c.tenant,
        _same_digest(grants),
        grants.c.account == account,
    )


def _allowed(tenant: str) -> Any:
    """One's own, or ready and granted: what others are still checking concerns only them."""
    granted = and_(grants.c.account.is_not(None), adapters.c.state == "ready")
    return or_(adapters.c.tenant == tenant, granted)
