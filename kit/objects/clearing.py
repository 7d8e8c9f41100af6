"""Deletes many keys in one transaction, where nothing is versioned in a handful of statements."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import Connection, delete, select

from kit.errors import InvalidRequest, NotFound, PlatformError, PreconditionFailed
from kit.objects import buckets, events, names, parts
from kit.objects.conditions import ALWAYS, Conditions
from kit.objects.records import NULL_VERSION, UNVERSIONED, Deleted, ObjectInfo
from kit.objects.tables import VERSIONS
from kit.objects.versions import info_of, take_away

Outcome: TypeAlias = Deleted | PlatformError
_Done: TypeAlias = tuple[list[Outcome], list[str]]


@dataclass(frozen=True, slots=True)
class Target:
    """What to delete: the object, or its `version`; only while `conditions` hold."""

    key: str
    version: str = ""
    conditions: Conditions = ALWAYS


def clear(connection: Connection, tenant: str, bucket: str, targets: Sequence[Target]) -> _Done:
    """How each went, and the blobs that nothing needs any more."""
    versioning = buckets.find(connection, tenant, bucket, lock=True).versioning
    if versioning == UNVERSIONED:
        return _clear_plain(connection, tenant, bucket, targets)
    outcomes: list[Outcome] = []
    freed: list[str] = []
    for target in targets:
        try:
            names.check_key(target.key)
            done, blobs = take_away(
                connection, tenant, bucket, target.key, target.version, target.conditions
            )
        except (InvalidRequest, NotFound, PreconditionFailed) as error:
            outcomes.append(error)
        else:
            outcomes.append(done)
            freed += blobs
    return outcomes, freed


def _clear_plain(
    connection: Connection, tenant: str, bucket: str, targets: Sequence[Target]
) -> _Done:
    """In a bucket that never was versioned a key has one version at most."""
    of_bucket = (VERSIONS.c.tenant == tenant, VERSIONS.c.bucket == bucket)
    keys = [target.key for target in targets]
    rows = connection.execute(select(VERSIONS).where(*of_bucket, VERSIONS.c.key.in_(keys)))
    current = {row.key: info_of(row) for row in rows}
    gone: dict[str, ObjectInfo] = {}
    outcomes: list[Outcome] = []
    for target in targets:
        info = current.get(target.key)
        try:
            names.check_key(target.key)
            if target.conditions.if_match:
                target.conditions.check_write(info)
        except (InvalidRequest, NotFound, PreconditionFailed) as error:
            outcomes.append(error)
            continue
        if info is not None and target.version in ("", NULL_VERSION):
            gone[info.id] = info
        outcomes.append(Deleted(target.key, target.version))
    freed = parts.free(connection, tenant, list(gone))
    connection.execute(delete(VERSIONS).where(*of_bucket, VERSIONS.c.id.in_(gone)))
    events.record(connection, tenant, "ObjectRemoved:Delete", *gone.values())
    return outcomes, freed
