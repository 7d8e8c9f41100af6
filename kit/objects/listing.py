"""Listings by pages in UTF-8 byte order; keys that share a prefix up to a delimiter roll up.

A rolled-up group is skipped by one seek to its end, so a page costs what it shows, not what the
bucket holds.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Row, Table, select

from kit.database import Database
from kit.objects import buckets, versions
from kit.objects.errors import InvalidArgument
from kit.objects.ordered_rows import Conditions, Position, Rows
from kit.objects.records import ObjectInfo, Upload
from kit.objects.tables import UPLOADS, VERSIONS
from kit.objects.uploads import upload_of

T = TypeVar("T")
MAX_PAGE = 1000
_AFTER_JUMP = 4


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
class Listing:
    """Every method raises NoSuchBucket."""

    database: Database

    async def current(self, tenant: str, bucket: str, query: Query) -> Page[ObjectInfo]:
        """The objects that a plain read finds: latest versions that are no delete markers."""
        return await self.database.read(_current, tenant, bucket, query)

    async def every(self, tenant: str, bucket: str, prefix: str) -> AsyncIterator[ObjectInfo]:
        """As `current`, page after page."""
        query = Query(prefix=prefix)
        while True:
            page = await self.current(tenant, bucket, query)
            for info in page.items:
                yield info
            if not page.truncated:
                return
            query = replace(query, marker=page.last)

    async def versions(self, tenant: str, bucket: str, query: Query) -> Page[ObjectInfo]:
        """Every version and delete marker, the newest of a key first."""
        return await self.database.read(_versions, tenant, bucket, query)

    async def uploads(self, tenant: str, bucket: str, query: Query) -> Page[Upload]:
        """Multi-part uploads under way, the oldest of a key first."""
        return await self.database.read(_uploads, tenant, bucket, query)


def _current(connection: Connection, tenant: str, bucket: str, query: Query) -> Page[ObjectInfo]:
    buckets.find(connection, tenant, bucket)
    visible = (VERSIONS.c.latest, ~VERSIONS.c.marker)
    rows = Rows(VERSIONS, _region(VERSIONS, tenant, bucket, query.prefix) + visible)
    return _page(connection, rows, query, None, versions.info_of)


def _versions(connection: Connection, tenant: str, bucket: str, query: Query) -> Page[ObjectInfo]:
    buckets.find(connection, tenant, bucket)
    region = _region(VERSIONS, tenant, bucket, query.prefix)
    rows = Rows(VERSIONS, region, VERSIONS.c.rank, newest_first=True)
    seen = _rank(connection, tenant, bucket, query) if query.within else None
    return _page(connection, rows, query, seen, versions.info_of)


def _uploads(connection: Connection, tenant: str, bucket: str, query: Query) -> Page[Upload]:
    buckets.find(connection, tenant, bucket)
    rows = Rows(UPLOADS, _region(UPLOADS, tenant, bucket, query.prefix), UPLOADS.c.id)
    return _page(connection, rows, query, query.within or None, upload_of)


def _page(
    connection: Connection, rows: Rows, query: Query, within: Any, made: Callable[[Row[Any]], T]
) -> Page[T]:
    """Finds what the page shows by keys alone, then reads those rows whole."""
    ids: list[str] = []
    prefixes: list[str] = []
    last, position, size = "", _start(query, within), query.limit + 1
    truncated = False
    while query.limit > 0 and not truncated:
        found = rows.after(connection, position, size)
        group = None
        for row in found:
            group = _group(row.key, query)
            if group is not None and prefixes and group == prefixes[-1]:
                continue
            if len(ids) + len(prefixes) == query.limit:
                truncated = True
                break
            last = row.key if group is None else group
            ids.append(row.id) if group is None else prefixes.append(group)
        if len(found) < size:
            break
        if group is None:
            position, size = Position(last, within=found[-1].within), query.limit + 1
        else:
            position, size = Position(_successor(group), inclusive=True), _AFTER_JUMP
    whole = rows.whole(connection, ids)
    shown = [made(whole[identity]) for identity in ids if identity in whole]  # not deleted since
    return Page(shown, prefixes, truncated, last)


def _start(query: Query, within: Any) -> Position:
    if query.marker and _group(query.marker, query) == query.marker:
        return Position(_successor(query.marker), inclusive=True)  # that group was shown
    return Position(query.marker, within=within)


def _group(key: str, query: Query) -> str | None:
    """The common prefix that the key rolls up into, if any."""
    if not query.delimiter or not key.startswith(query.prefix):
        return None
    at = key.find(query.delimiter, len(query.prefix))
    return None if at < 0 else key[: at + len(query.delimiter)]


def _region(table: Table, tenant: str, bucket: str, prefix: str) -> Conditions:
    region: Conditions = (table.c.tenant == tenant, table.c.bucket == bucket)
    if prefix:
        region += (table.c.key >= prefix, table.c.key < _successor(prefix))
    return region


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
