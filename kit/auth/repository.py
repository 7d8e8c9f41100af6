"""Transactions on tenants, keys and limits: the directory runs them, and the CLI as they are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, Select, select, update

from kit.auth.keyring import Keyring
from kit.auth.keys import make_account, make_aws_pair, make_bearer, shown_part
from kit.auth.limits import Limits
from kit.auth.principal import Principal
from kit.auth.scopes import FULL_ACCESS, Scope
from kit.auth.tables import AUTH_VERSION, KEYS, TENANT_LIMITS, TENANTS
from kit.auth.text import storable
from kit.database import clock, db_now, insert_or_ignore
from kit.errors import InvalidRequest, NotFound
from kit.identifiers import resource_id, row_id


@dataclass(frozen=True, slots=True)
class Tenant:
    id: str
    name: str
    account: str
    created: float


@dataclass(frozen=True, slots=True)
class IssuedKeys:
    """A bearer key and an AWS pair, in clear for the only time."""

    tenant: Tenant
    bearer_id: str
    bearer: str = field(repr=False)
    aws_id: str = ""
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """What may be shown of a key. Times are UNIX seconds; `kind` is `bearer` or `aws`.

    The two keys of one `issue` were made together, and are revoked together.
    """

    id: str
    issue: str
    kind: str
    public: str
    scopes: tuple[Scope, ...]
    created: float
    expires: float | None
    revoked: float | None
    last_used: float | None


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A usable key; `lives` is the seconds until it expires, None for never."""

    principal: Principal
    limits: Limits
    lives: float | None
    secret: str = field(default="", repr=False)


def ensure_tenant(connection: Connection, name: str) -> Tenant:
    """The tenant of that name, made when there is none."""
    if not name.strip() or len(name) > 128:
        raise InvalidRequest("Give the tenant a name of 1 to 128 characters.", param="name")
    row = {"id": row_id(), "name": name, "account": make_account(), "created": clock(connection)}
    connection.execute(insert_or_ignore(connection, TENANTS).values(row))
    return find_tenant(connection, name)


def find_tenant(connection: Connection, name: str) -> Tenant:
    """Raises NotFound."""
    row = connection.execute(select(TENANTS).where(TENANTS.c.name == name)).one_or_none()
    if row is None:
        raise NotFound(f"There is no tenant named {name!r}.", param="name")
    return Tenant(row.id, row.name, row.account, row.created)


def create_keys(
    connection: Connection,
    keyring: Keyring,
    tenant: Tenant,
    scopes: Iterable[Scope] = (FULL_ACCESS,),
    lifetime: float | None = None,
) -> IssuedKeys:
    """Makes a bearer key and an AWS pair of the same rights; `lifetime` is in seconds."""
    if lifetime is not None and lifetime <= 0:
        raise InvalidRequest("A key's lifetime must be above zero seconds.", param="lifetime")
    now = clock(connection)
    common = {
        "tenant": tenant.id,
        "issue": resource_id(),
        "scopes": [[scope.operation, scope.resource] for scope in scopes],
        "created": now,
        "expires": None if lifetime is None else now + lifetime,
    }
    bearer, pair = make_bearer(), make_aws_pair()
    bearer_row = dict(id=row_id(), kind="bearer", public=shown_part(bearer), **common)
    aws_row = dict(id=row_id(), kind="aws", public=pair.access_key_id, **common)
    bearer_row["hash"] = keyring.bearer_hash(bearer)
    aws_row["sealed"] = keyring.seal(pair.secret, pair.access_key_id)
    connection.execute(KEYS.insert(), bearer_row)
    connection.execute(KEYS.insert(), aws_row)
    _bump_version(connection)
    return IssuedKeys(
        tenant, str(bearer_row["id"]), bearer, str(aws_row["id"]), pair.access_key_id, pair.secret
    )


def list_keys(connection: Connection, tenant: str) -> list[KeyInfo]:
    rows = connection.execute(select(KEYS).where(KEYS.c.tenant == tenant).order_by(KEYS.c.id))
    return [
        KeyInfo(
            row.id, row.issue, row.kind, row.public, _scopes(row.scopes),
            row.created, row.expires, row.revoked, row.last_used,
        )
        for row in rows
    ]  # fmt: skip


def revoke_key(connection: Connection, tenant: str, key: str) -> None:
    """Revokes the bearer key and the AWS pair that were made together.

    `key` is an id, an access key id or a bearer's shown part. Raises NotFound; repeatable.
    """
    key = storable(key)
    mine = KEYS.c.tenant == tenant
    named = select(KEYS.c.issue).where(mine, (KEYS.c.id == key) | (KEYS.c.public == key))
    issue = connection.execute(named).scalar_one_or_none()
    if issue is None:
        raise NotFound(f"There is no key {key!r}.", param="key")
    both = mine & (KEYS.c.issue == issue) & KEYS.c.revoked.is_(None)
    connection.execute(update(KEYS).where(both).values(revoked=db_now()))
    _bump_version(connection)


def set_limits(connection: Connection, tenant: str, limits: Limits) -> None:
    """Replaces the tenant's limits; 0 refuses everything."""
    values = {
        "requests_per_minute": limits.requests_per_minute,
        "tokens_per_minute": limits.tokens_per_minute,
        "budget": limits.budget,
        "budget_period": limits.period,
    }
    insert = insert_or_ignore(connection, TENANT_LIMITS).values(tenant=tenant, **values)
    if connection.execute(insert).rowcount == 0:
        mine = TENANT_LIMITS.c.tenant == tenant
        connection.execute(update(TENANT_LIMITS).where(mine).values(values))
    _bump_version(connection)


def read_limits(connection: Connection, tenant: str) -> Limits:
    """Those that every tenant has, where none were set."""
    mine = TENANT_LIMITS.c.tenant == tenant
    row = connection.execute(select(TENANT_LIMITS).where(mine)).one_or_none()
    return Limits() if row is None else _limits(row)


def find_bearer(connection: Connection, bearer_hash: str) -> FoundKey | None:
    row = connection.execute(_usable().where(KEYS.c.hash == bearer_hash)).one_or_none()
    return None if row is None else _found(row)


def find_aws(connection: Connection, keyring: Keyring, access_key_id: str) -> FoundKey | None:
    query = _usable().where(KEYS.c.public == access_key_id, KEYS.c.kind == "aws")
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return _found(row, keyring.unseal(row.sealed, access_key_id))


def auth_version(connection: Connection) -> int:
    """Grows with every change that a cached answer must not outlive."""
    return connection.execute(select(AUTH_VERSION.c.version)).scalar_one_or_none() or 0


def mark_used(connection: Connection, seen: Sequence[tuple[str, float]]) -> None:
    """`seen`: key ids and how many seconds ago each was last used."""
    for key, age in seen:
        connection.execute(update(KEYS).where(KEYS.c.id == key).values(last_used=db_now() - age))


def _bump_version(connection: Connection) -> None:
    connection.execute(insert_or_ignore(connection, AUTH_VERSION).values(id=1, version=0))
    connection.execute(update(AUTH_VERSION).values(version=AUTH_VERSION.c.version + 1))


def _usable() -> Select[Any]:
    limits = [column for column in TENANT_LIMITS.c if column.name != "tenant"]
    joined = KEYS.join(TENANTS, TENANTS.c.id == KEYS.c.tenant)
    joined = joined.outerjoin(TENANT_LIMITS, TENANT_LIMITS.c.tenant == KEYS.c.tenant)
    now = db_now()
    return (
        select(KEYS, TENANTS.c.account, *limits, (KEYS.c.expires - now).label("lives"))
        .select_from(joined)
        .where(KEYS.c.revoked.is_(None), KEYS.c.expires.is_(None) | (KEYS.c.expires > now))
    )


def _found(row: Row[Any], secret: str = "") -> FoundKey:
    limits = Limits() if row.requests_per_minute is None else _limits(row)
    principal = Principal(row.tenant, row.account, row.id, _scopes(row.scopes))
    return FoundKey(principal, limits, row.lives, secret)


def _limits(row: Row[Any]) -> Limits:
    return Limits(row.requests_per_minute, row.tokens_per_minute, row.budget, row.budget_period)


def _scopes(stored: list[list[str]]) -> tuple[Scope, ...]:
    made = (Scope(operation, resource) for operation, resource in stored)
    return tuple(FULL_ACCESS if scope == FULL_ACCESS else scope for scope in made)
