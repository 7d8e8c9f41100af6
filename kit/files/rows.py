"""The rows of files; what is on its way or has expired is as absent as another tenant's."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, delete, insert, or_, select, update

from kit.database import clock, db_now
from kit.errors import NotFound
from kit.files.tables import FILES

_ON_ITS_WAY = 86_400.0
"""Seconds after which an upload without an end is one that broke."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What an uploader says of a file; it is deleted `expires_in` seconds after its making."""

    filename: str
    purpose: str
    expires_in: float | None = None


@dataclass(frozen=True, slots=True)
class File:
    """Times are UNIX seconds."""

    id: str
    filename: str
    purpose: str
    bytes: int
    created_at: float
    expires_at: float | None


_COLUMNS = [FILES.c[name] for name in File.__slots__]
_IS_THERE = and_(
    FILES.c.bytes.is_not(None), or_(FILES.c.expires_at.is_(None), FILES.c.expires_at > db_now())
)


def begin(connection: Connection, tenant: str, file: str) -> None:
    """Takes an id before the bytes come; one that is taken already is begun again."""
    if connection.execute(select(FILES.c.id).where(_this(tenant, file))).first() is None:
        values = {"id": file, "tenant": tenant, "filename": "", "purpose": ""}
        connection.execute(insert(FILES).values(**values, created_at=db_now()))


def complete(connection: Connection, tenant: str, file: str, facts: Facts, size: int) -> File:
    """Makes the file visible."""
    now = clock(connection)
    values = {
        "filename": facts.filename,
        "purpose": facts.purpose,
        "bytes": size,
        "created_at": now,
        "expires_at": None if facts.expires_in is None else now + facts.expires_in,
    }
    connection.execute(update(FILES).where(_this(tenant, file)).values(values))
    return get(connection, tenant, file)


def get(connection: Connection, tenant: str, file: str) -> File:
    """Raises NotFound."""
    query = select(*_COLUMNS).where(_this(tenant, file), _IS_THERE)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"No such File object: {file}", param="id")
    return File(*row)


def page(
    connection: Connection,
    tenant: str,
    *,
    purpose: str | None,
    after: str | None,
    limit: int,
    newest_first: bool,
) -> list[File]:
    """Up to `limit` files behind the one with the id `after`."""
    query = select(*_COLUMNS).where(FILES.c.tenant == tenant, _IS_THERE)
    if purpose is not None:
        query = query.where(FILES.c.purpose == purpose)
    if after is not None:
        query = query.where(FILES.c.id < after if newest_first else FILES.c.id > after)
    order = FILES.c.id.desc() if newest_first else FILES.c.id
    return [File(*row) for row in connection.execute(query.order_by(order).limit(limit))]


def forget(connection: Connection, tenant: str, file: str) -> None:
    connection.execute(delete(FILES).where(_this(tenant, file)))


def outlived(connection: Connection, limit: int) -> list[tuple[str, str]]:
    """Tenants and ids of files that have expired, and of uploads that broke."""
    broken = and_(FILES.c.bytes.is_(None), FILES.c.created_at < db_now() - _ON_ITS_WAY)
    query = select(FILES.c.tenant, FILES.c.id).where(or_(FILES.c.expires_at <= db_now(), broken))
    return [(row.tenant, row.id) for row in connection.execute(query.limit(limit))]


def _this(tenant: str, file: str) -> Any:
    return and_(FILES.c.tenant == tenant, FILES.c.id == file)
