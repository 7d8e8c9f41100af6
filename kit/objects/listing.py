"""Listings by pages in UTF-8 byte order; keys that share a prefix up to a delimiter roll up.

A rolled-up group is skipped by one seek to its end, so a page costs what it shows, not what the
bucket holds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, or_, select

from kit.database import Database
from kit.objects import buckets, versions
from kit.objects.errors import InvalidArgument
from kit.objects.records import ObjectInfo, Upload
from kit.objects.tables import UPLOADS, VERSIONS
from kit.objects.uploads import upload_of

T = TypeVar("T")
MAX_PAGE = 1000
_AFTER_JUMP = 16


@dataclass(frozen=True, slots=True)
class Query:
    """Keys that start with `prefix`, past `marker`; `within` is the last version or upload of the
    marker's key that was seen, empty to leave the whole key behind."""

    prefix: str = ""
    delimiter: str = ""
    marker: str = ""
    within: str = ""
    limit: int = MAX_PAGE


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """`last` is the last key or common prefix shown: the next page's marker where `truncated`."""

    items: Sequence[T]
    prefixes: Sequence[str]
    truncated: bool
    last: str = ""


@dataclass(frozen=True, slots=True)
class _Position:
    """Where a scan goes on: at `key` (`inclusive`), or past it, or past `within` inside it."""

    key: str | bytes
    inclusive: bool = False
    within: Any = None


_Fetch = Callable[[_Position, int], Sequence[Row[Any]]]


@dataclass(frozen=True, slots=True)
class Listing:
    """Every method raises NoSuchBucket."""

    database: Database

    async def current(self, tenant: str, bucket: str, query: Query) -> Page[ObjectInfo]:
        """The objects that a plain read finds: latest versions that are no delete markers."""
        return await self.database.read(_current, tenant, bucket, query)

    async def versions(self, tenant: str, bucket: str, query: Query) -> Page[ObjectInfo]:
        """Every version and delete marker, the newest of a key first."""
        return await self.database.read(_versions, tenant, bucket, query)

    async def uploads(self, tenant: str, bucket: str, query: Query) -> Page[Upload]:
        """Multi-part uploads under way, the oldest of a key first."""
        return await self.database.read(_uploads, tenant, bucket, query)


def _current(connection: Connection, tenant: str, bucket: str, query: Query) -> Page[ObjectInfo]:
    buckets.find(connection, tenant, bucket)

    def fetch(position: _Position, limit: int) -> Sequence[Row[Any]]:
        found = (
            select(VERSIONS)
            .where(*_region(VERSIONS, tenant, bucket, query.prefix))
            .where(VERSIONS.c.latest, ~VERSIONS.c.marker, _past(VERSIONS, position))
            .order_by(VERSIONS.c.key)
        )
        return connection.execute(found.limit(limit)).all()

    page = _scan(fetch, query, _start(query, None), lambda _: None)
    return _mapped(page, versions.info_of)


def _versions(connection: Connection, tenant: str, bucket: str, query: Query) -> Page[ObjectInfo]:
    buckets.find(connection, tenant, bucket)
    rank = VERSIONS.c.rank

    def fetch(position: _Position, limit: int) -> Sequence[Row[Any]]:
        found = (
            select(VERSIONS)
            .where(*_region(VERSIONS, tenant, bucket, query.prefix))
            .where(_past(VERSIONS, position, lambda seen: rank < seen))
            .order_by(VERSIONS.c.key, rank.desc())
        )
        return connection.execute(found.limit(limit)).all()

    seen = _rank(connection, tenant, bucket, query) if query.within else None
    page = _scan(fetch, query, _start(query, seen), lambda row: row.rank)
    return _mapped(page, versions.info_of)


def _uploads(connection: Connection, tenant: str, bucket: str, query: Query) -> Page[Upload]:
    buckets.find(connection, tenant, bucket)

    def fetch(position: _Position, limit: int) -> Sequence[Row[Any]]:
        found = (
            select(UPLOADS)
            .where(*_region(UPLOADS, tenant, bucket, query.prefix))
            .where(_past(UPLOADS, position, lambda seen: UPLOADS.c.id > seen))
            .order_by(UPLOADS.c.key, UPLOADS.c.id)
        )
        return connection.execute(found.limit(limit)).all()

    page = _scan(fetch, query, _start(query, query.within or None), lambda row: row.id)
    return _mapped(page, upload_of)


def _scan(
    fetch: _Fetch, query: Query, start: _Position, within: Callable[[Row[Any]], Any]
) -> Page[Row[Any]]:
    items: list[Row[Any]] = []
    prefixes: list[str] = []
    last, position, size = "", start, query.limit + 1
    while query.limit > 0:
        rows = fetch(position, size)
        group = None
        for row in rows:
            group = _group(row.key, query)
            if group is not None and prefixes and group == prefixes[-1]:
                continue
            if len(items) + len(prefixes) == query.limit:
                return Page(items, prefixes, truncated=True, last=last)
            last = row.key if group is None else group
            items.append(row) if group is None else prefixes.append(group)
        if len(rows) < size:
            break
        if group is None:
            position, size = _Position(last, within=within(rows[-1])), query.limit + 1
        else:
            position, size = _Position(_successor(group), inclusive=True), _AFTER_JUMP
    return Page(items, prefixes, truncated=False)


def _start(query: Query, within: Any) -> _Position:
    if query.marker and _group(query.marker, query) == query.marker:
        return _Position(_successor(query.marker), inclusive=True)  # that group was shown
    return _Position(query.marker, within=within)


def _group(key: str, query: Query) -> str | None:
    """The common prefix that the key rolls up into, if any."""
    if not query.delimiter or not key.startswith(query.prefix):
        return None
    at = key.find(query.delimiter, len(query.prefix))
    return None if at < 0 else key[: at + len(query.delimiter)]


def _region(table: Table, tenant: str, bucket: str, prefix: str) -> list[ColumnElement[bool]]:
    region = [table.c.tenant == tenant, table.c.bucket == bucket]
    if prefix:
        region += [table.c.key >= prefix, table.c.key < _successor(prefix)]
    return region


def _past(
    table: Table,
    position: _Position,
    further: Callable[[Any], ColumnElement[bool]] | None = None,
) -> ColumnElement[bool]:
    if position.inclusive:
        return table.c.key >= position.key
    if position.within is None or further is None:
        return table.c.key > position.key
    same = table.c.key == position.key
    return and_(
        table.c.key >= position.key,
        or_(table.c.key > position.key, and_(same, further(position.within))),
    )


def _successor(text: str) -> bytes:
    """The least bytes greater than everything that starts with `text` (UTF-8 has no 0xFF)."""
    encoded = text.encode()
    return encoded[:-1] + bytes([encoded[-1] + 1])


def _rank(connection: Connection, tenant: str, bucket: str, query: Query) -> int:
    found = select(VERSIONS.c.rank).where(
        VERSIONS.c.tenant == tenant,
        VERSIONS.c.bucket == bucket,
        VERSIONS.c.key == query.marker,
        VERSIONS.c.version == query.within,
    )
    rank = connection.execute(found).scalar_one_or_none()
    if rank is None:
        raise InvalidArgument("Invalid version id specified.", param="VersionIdMarker")
    return int(rank)


def _mapped(page: Page[Row[Any]], made: Callable[[Row[Any]], T]) -> Page[T]:
    return Page([made(row) for row in page.items], page.prefixes, page.truncated, page.last)
