"""Buckets: a tenant's own namespace, their settings, and the lock that orders their writes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, exists, select, update

from kit.database import Database, clock, insert_or_ignore
from kit.objects import names
from kit.objects.errors import (
    BucketAlreadyOwnedByYou,
    BucketNotEmpty,
    InvalidArgument,
    NoSuchBucket,
)
from kit.objects.records import ENABLED, SUSPENDED, Bucket
from kit.objects.tables import BUCKETS, EVENTS, UPLOADS, VERSIONS


def find(connection: Connection, tenant: str, name: str, *, lock: bool = False) -> Bucket:
    """The tenant's bucket; `lock` orders this write after every other of the bucket.

    Raises NoSuchBucket, for another tenant's bucket too.
    """
    query = select(BUCKETS).where(BUCKETS.c.tenant == tenant, BUCKETS.c.name == name)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NoSuchBucket(f"The bucket {name!r} does not exist.", param="Bucket")
    return _bucket(row)


@dataclass(frozen=True, slots=True)
class Buckets:
    """Every method names the tenant whose bucket it is about, and raises NoSuchBucket."""

    database: Database

    async def create(self, tenant: str, name: str, region: str) -> Bucket:
        """Raises BucketAlreadyOwnedByYou, InvalidBucketName."""
        names.check_bucket_name(name)
        return await self.database.write(_create, tenant, name, region)

    async def reserve(self, tenant: str, name: str) -> None:
        """Makes a bucket of the platform's own, unless it is there; see `names.is_reserved`."""
        if not names.is_reserved(name):
            raise ValueError(f"{name!r} is a name for the tenant's own buckets")
        await self.database.write(_reserve, tenant, name)

    async def get(self, tenant: str, name: str) -> Bucket:
        return await self.database.read(find, tenant, name)

    async def list(
        self, tenant: str, *, prefix: str = "", after: str = "", limit: int = 10_000
    ) -> list[Bucket]:
        """The tenant's own, in the order of their names, those after `after`."""
        return await self.database.read(_list, tenant, prefix, after, limit)

    async def delete(self, tenant: str, name: str) -> None:
        """Raises BucketNotEmpty while there is a version, a delete marker or an upload."""
        await self.database.write(_delete, tenant, name)

    async def set_versioning(self, tenant: str, name: str, status: str) -> None:
        """`status` is Enabled or Suspended; there is no way back to unversioned."""
        if status not in (ENABLED, SUSPENDED):
            raise InvalidArgument("Versioning is Enabled or Suspended.", param="Status")
        await self.database.write(_set, tenant, name, {"versioning": status})

    async def set_tags(self, tenant: str, name: str, tags: Mapping[str, str]) -> None:
        names.check_tags(tags, of_bucket=True)
        await self.database.write(_set, tenant, name, {"tags": dict(tags)})

    async def set_notifications(
        self, tenant: str, name: str, configuration: Mapping[str, object]
    ) -> None:
        """Keeps the configuration; every event is recorded whatever it says."""
        await self.database.write(_set, tenant, name, {"notifications": dict(configuration)})


def _create(connection: Connection, tenant: str, name: str, region: str) -> Bucket:
    if not _insert(connection, tenant, name, region):
        raise BucketAlreadyOwnedByYou(f"You already own the bucket {name!r}.", param="Bucket")
    return find(connection, tenant, name)


def _reserve(connection: Connection, tenant: str, name: str) -> None:
    _insert(connection, tenant, name, "")


def _insert(connection: Connection, tenant: str, name: str, region: str) -> bool:
    """Whether the bucket was not there before."""
    values: dict[str, Any] = {
        "tenant": tenant,
        "name": name,
        "region": region,
        "created": clock(connection),
        "versioning": "",
        "tags": {},
        "notifications": {},
        "events": 0,
    }
    return bool(connection.execute(insert_or_ignore(connection, BUCKETS).values(values)).rowcount)


def _list(connection: Connection, tenant: str, prefix: str, after: str, limit: int) -> list[Bucket]:
    query = (
        select(BUCKETS)
        .where(
            BUCKETS.c.tenant == tenant,
            BUCKETS.c.name > after,
            BUCKETS.c.name.startswith(prefix, autoescape=True),
            ~BUCKETS.c.name.startswith(names.RESERVED),
        )
        .order_by(BUCKETS.c.name)
        .limit(limit)
    )
    return [_bucket(row) for row in connection.execute(query)]


def _delete(connection: Connection, tenant: str, name: str) -> None:
    find(connection, tenant, name, lock=True)
    for table in (VERSIONS, UPLOADS):
        inside = exists().where(table.c.tenant == tenant, table.c.bucket == name)
        if connection.execute(select(inside)).scalar_one():
            raise BucketNotEmpty(
                f"The bucket {name!r} still has objects, versions or multi-part uploads; "
                "delete them first.",
                param="Bucket",
            )
    connection.execute(delete(EVENTS).where(EVENTS.c.tenant == tenant, EVENTS.c.bucket == name))
    connection.execute(delete(BUCKETS).where(BUCKETS.c.tenant == tenant, BUCKETS.c.name == name))


def _set(connection: Connection, tenant: str, name: str, values: dict[str, Any]) -> None:
    change = update(BUCKETS).where(BUCKETS.c.tenant == tenant, BUCKETS.c.name == name)
    if not connection.execute(change.values(values)).rowcount:
        raise NoSuchBucket(f"The bucket {name!r} does not exist.", param="Bucket")


def _bucket(row: Row[Any]) -> Bucket:
    return Bucket(
        row.name, row.region, row.created, row.versioning, dict(row.tags), dict(row.notifications)
    )
