"""What happened to a bucket's objects, in order, for jobs that follow along."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from kit.database import Database, clock, db_now
from kit.objects.buckets import find
from kit.objects.records import Event, ObjectInfo
from kit.objects.tables import BUCKETS, EVENTS

KEPT_SECONDS = 7 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Events:
    """A reader keeps the number of the last event that it has seen, and asks for what follows."""

    database: Database

    async def after(
        self, tenant: str, bucket: str, number: int, *, limit: int = 1000
    ) -> list[Event]:
        """Events past `number`, oldest first; they are kept for seven days.

        None is ever skipped: numbers are given under the bucket's lock, in commit order.
        """
        return await self.database.read(_after, tenant, bucket, number, limit)


def record(connection: Connection, tenant: str, name: str, *infos: ObjectInfo) -> None:
    """Notes events of one bucket in the transaction that makes them true; it is locked by then."""
    if not infos:
        return
    its_bucket = (BUCKETS.c.tenant == tenant, BUCKETS.c.name == infos[0].bucket)
    counted = update(BUCKETS).where(*its_bucket).values(events=BUCKETS.c.events + len(infos))
    last = connection.execute(counted.returning(BUCKETS.c.events, db_now())).one()
    rows = [
        {
            "tenant": tenant,
            "bucket": info.bucket,
            "number": number,
            "name": name,
            "key": info.key,
            "version": info.version,
            "size": info.size,
            "etag": info.etag,
            "at": last[1],
        }
        for number, info in enumerate(infos, last[0] - len(infos) + 1)
    ]
    connection.execute(insert(EVENTS), rows)


def forget_old(connection: Connection) -> None:
    """Deletes the events that are past their time."""
    connection.execute(delete(EVENTS).where(EVENTS.c.at < clock(connection) - KEPT_SECONDS))


def _after(
    connection: Connection, tenant: str, bucket: str, number: int, limit: int
) -> list[Event]:
    find(connection, tenant, bucket)
    columns = (EVENTS.c[name] for name in Event.__slots__)
    query = (
        select(*columns)
        .where(EVENTS.c.tenant == tenant, EVENTS.c.bucket == bucket, EVENTS.c.number > number)
        .order_by(EVENTS.c.number)
        .limit(limit)
    )
    return [Event(*row) for row in connection.execute(query)]
