"""The transactions on an object's versions: find, put on top, take away."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update

from kit.database import clock
from kit.identifiers import row_id
from kit.objects import buckets, events, parts
from kit.objects.checksums import Checksum
from kit.objects.conditions import Conditions
from kit.objects.errors import MarkerHasNoContent, NoSuchKey, NoSuchVersion
from kit.objects.records import ENABLED, NULL_VERSION, Attributes, Deleted, ObjectInfo, Part
from kit.objects.tables import VERSIONS


@dataclass(frozen=True, slots=True)
class Content:
    """A new version: `parts` are written with it, `part_count` is 0 unless it came in parts."""

    id: str
    size: int
    etag: str
    attributes: Attributes
    checksum: Checksum | None
    part_count: int = 0
    parts: Sequence[Part] = ()


def find(
    connection: Connection, tenant: str, bucket: str, key: str, version: str = ""
) -> ObjectInfo:
    """The current version, or the one named; delete markers are raised, never returned."""
    buckets.find(connection, tenant, bucket)
    info = _find(connection, tenant, bucket, key, version)
    if info is None and version:
        raise NoSuchVersion("The specified version does not exist.", param="VersionId")
    if info is not None and info.marker and version:
        raise MarkerHasNoContent("A delete marker has no content.", param="VersionId")
    if info is None or info.marker:
        raise NoSuchKey("The specified key does not exist.", param="Key")
    return info


def find_with_parts(
    connection: Connection, tenant: str, bucket: str, key: str, version: str = ""
) -> tuple[ObjectInfo, list[Part]]:
    """An object and where its bytes are, in their order."""
    info = find(connection, tenant, bucket, key, version)
    return info, parts.of(connection, tenant, info.id)


def check_writable(
    connection: Connection, tenant: str, bucket: str, key: str, conditions: Conditions
) -> None:
    """Raises what a write would raise; asked before the bytes are taken in, and again after."""
    buckets.find(connection, tenant, bucket)
    conditions.check_write(_current(connection, tenant, bucket, key))


def put(
    connection: Connection,
    tenant: str,
    bucket: str,
    key: str,
    content: Content,
    conditions: Conditions,
    event: str,
) -> tuple[ObjectInfo, list[str]]:
    """Makes `content` the key's current version; returns it and the blobs that nothing needs."""
    versioned = buckets.find(connection, tenant, bucket, lock=True).versioning == ENABLED
    conditions.check_write(_current(connection, tenant, bucket, key))
    # Before the old version goes, for a copy onto itself shares its blobs.
    parts.add(connection, tenant, content.id, content.parts)
    freed = [] if versioned else _remove_null(connection, tenant, bucket, key)
    info = ObjectInfo(
        id=content.id,
        bucket=bucket,
        key=key,
        version=content.id if versioned else NULL_VERSION,
        latest=True,
        marker=False,
        size=content.size,
        etag=content.etag,
        modified=clock(connection),
        attributes=content.attributes,
        checksum=content.checksum,
        parts=content.part_count,
    )
    _put_on_top(connection, tenant, info)
    events.record(connection, tenant, event, info)
    return info, freed


def take_away(
    connection: Connection,
    tenant: str,
    bucket: str,
    key: str,
    version: str,
    conditions: Conditions,
) -> tuple[Deleted, list[str]]:
    """DeleteObject: removes a version, or hides the key behind a delete marker."""
    versioning = buckets.find(connection, tenant, bucket, lock=True).versioning
    if conditions.if_match:
        conditions.check_write(_current(connection, tenant, bucket, key))
    if version:
        return _remove_version(connection, tenant, bucket, key, version)
    freed: list[str] = []
    if versioning != ENABLED:
        before = _find(connection, tenant, bucket, key, NULL_VERSION)
        freed = _remove_null(connection, tenant, bucket, key)
        if not versioning:
            if before is not None:
                events.record(connection, tenant, "ObjectRemoved:Delete", before)
            return Deleted(key), freed
    identity = row_id()
    marker = ObjectInfo(
        id=identity,
        bucket=bucket,
        key=key,
        version=identity if versioning == ENABLED else NULL_VERSION,
        latest=True,
        marker=True,
        size=0,
        etag="",
        modified=clock(connection),
        attributes=Attributes(),
        checksum=None,
        parts=0,
    )
    _put_on_top(connection, tenant, marker)
    events.record(connection, tenant, "ObjectRemoved:DeleteMarkerCreated", marker)
    return Deleted(key, marker.version, marker=True), freed


def set_tags(
    connection: Connection,
    tenant: str,
    bucket: str,
    key: str,
    version: str,
    tags: dict[str, str],
) -> ObjectInfo:
    """Replaces a version's tags; its time of modification stays."""
    buckets.find(connection, tenant, bucket, lock=True)
    info = find(connection, tenant, bucket, key, version)
    this = (VERSIONS.c.tenant == tenant, VERSIONS.c.id == info.id)
    connection.execute(update(VERSIONS).where(*this).values(tags=tags))
    events.record(connection, tenant, "ObjectTagging:Put" if tags else "ObjectTagging:Delete", info)
    return replace(info, attributes=replace(info.attributes, tags=tags))


def info_of(row: Row[Any]) -> ObjectInfo:
    """A row of all columns of the versions' table as a record."""
    return ObjectInfo(
        id=row.id,
        bucket=row.bucket,
        key=row.key,
        version=row.version,
        latest=row.latest,
        marker=row.marker,
        size=row.size,
        etag=row.etag,
        modified=row.modified,
        attributes=Attributes(row.headers, row.metadata, row.tags),
        checksum=Checksum(**row.checksum) if row.checksum else None,
        parts=row.parts,
    )


def _of_key(tenant: str, bucket: str, key: str) -> tuple[ColumnElement[bool], ...]:
    return (VERSIONS.c.tenant == tenant, VERSIONS.c.bucket == bucket, VERSIONS.c.key == key)


def _find(
    connection: Connection, tenant: str, bucket: str, key: str, version: str
) -> ObjectInfo | None:
    which = VERSIONS.c.version == version if version else VERSIONS.c.latest
    query = select(VERSIONS).where(*_of_key(tenant, bucket, key), which)
    row = connection.execute(query).one_or_none()
    return None if row is None else info_of(row)


def _current(connection: Connection, tenant: str, bucket: str, key: str) -> ObjectInfo | None:
    info = _find(connection, tenant, bucket, key, "")
    return None if info is None or info.marker else info


def _put_on_top(connection: Connection, tenant: str, info: ObjectInfo) -> None:
    of_key = _of_key(tenant, info.bucket, info.key)
    connection.execute(update(VERSIONS).where(*of_key, VERSIONS.c.latest).values(latest=False))
    top = connection.execute(select(func.max(VERSIONS.c.rank)).where(*of_key)).scalar_one()
    values = {name: getattr(info, name) for name in ObjectInfo.__slots__}
    values |= asdict(values.pop("attributes"))
    values |= {"tenant": tenant, "rank": (top or 0) + 1}
    values["checksum"] = asdict(info.checksum) if info.checksum else {}
    connection.execute(insert(VERSIONS).values(values))


def _remove_null(connection: Connection, tenant: str, bucket: str, key: str) -> list[str]:
    info = _find(connection, tenant, bucket, key, NULL_VERSION)
    return [] if info is None else _remove(connection, tenant, info)


def _remove_version(
    connection: Connection, tenant: str, bucket: str, key: str, version: str
) -> tuple[Deleted, list[str]]:
    info = _find(connection, tenant, bucket, key, version)
    if info is None:  # as on AWS, what is not there is deleted already
        return Deleted(key, version), []
    freed = _remove(connection, tenant, info)
    events.record(connection, tenant, "ObjectRemoved:Delete", info)
    return Deleted(key, version, marker=info.marker), freed


def _remove(connection: Connection, tenant: str, info: ObjectInfo) -> list[str]:
    freed = parts.free(connection, tenant, [info.id])
    this = (VERSIONS.c.tenant == tenant, VERSIONS.c.id == info.id)
    connection.execute(delete(VERSIONS).where(*this))
    if info.latest:
        of_key = _of_key(tenant, info.bucket, info.key)
        top = select(func.max(VERSIONS.c.rank)).where(*of_key).scalar_subquery()
        newest = update(VERSIONS).where(*of_key, VERSIONS.c.rank == top)
        connection.execute(newest.values(latest=True))
    return freed
