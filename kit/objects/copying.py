"""Copies: a new object over the same blobs, so that a copy of any size costs one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from kit.database import Database
from kit.errors import Conflict
from kit.identifiers import row_id
from kit.objects import buckets, names, versions
from kit.objects.blobspace import Blobspace
from kit.objects.checksums import Checksum, Digests
from kit.objects.conditions import ALWAYS, Conditions
from kit.objects.errors import BadRequest, EntityTooLarge
from kit.objects.receiving import MAX_BODY
from kit.objects.records import ENABLED, Attributes, ObjectInfo, Span
from kit.objects.versions import Content


@dataclass(frozen=True, slots=True)
class Place:
    """A key in a bucket; `version` only where one is read."""

    bucket: str
    key: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class CopyOptions:
    """`attributes` and `tags` replace the source's, None keeps them."""

    attributes: Attributes | None = None
    tags: Mapping[str, str] | None = None
    algorithm: str = ""
    source_conditions: Conditions = ALWAYS
    conditions: Conditions = ALWAYS


_PLAIN = CopyOptions()


@dataclass(frozen=True, slots=True)
class Copies:
    """Copies inside one tenant; there is no way to name another's bucket."""

    database: Database
    space: Blobspace

    async def copy(
        self, tenant: str, source: Place, target: Place, options: CopyOptions = _PLAIN
    ) -> tuple[ObjectInfo, ObjectInfo]:
        """Returns the copy and its source. The copy keeps ETag, parts and checksum of the source.

        Another checksum algorithm makes it read the bytes once. Raises NoSuchKey, NoSuchBucket,
        ConditionFailed, EntityTooLarge past 5 GiB, BadRequest when a copy onto itself changes
        nothing.
        """
        names.check_key(target.key)
        names.check_metadata(options.attributes.metadata if options.attributes else {})
        names.check_tags(options.tags or {})
        for _ in range(3):
            made = await self._checksum(tenant, source, options)
            done = await self.database.write(_copy, tenant, source, target, options, made)
            if done is not None:
                copy, found, freed = done
                await self.space.release(freed)
                return copy, found
        raise Conflict("The source object changes too often to be copied; try again.")

    async def _checksum(
        self, tenant: str, source: Place, options: CopyOptions
    ) -> tuple[str, Checksum] | None:
        """The source's id and its checksum by another algorithm, where one is asked for."""
        if not options.algorithm:
            return None
        found, parts = await self.database.read(
            versions.find_with_parts, tenant, source.bucket, source.key, source.version
        )
        if found.checksum and found.checksum.algorithm == options.algorithm:
            return None
        digests = Digests([options.algorithm])
        chunks = await self.space.read(parts, Span(0, found.size, found.size))
        async for chunk in chunks:
            digests.update(chunk)
        return found.id, Checksum(options.algorithm, digests.value(options.algorithm))


def _copy(
    connection: Connection,
    tenant: str,
    source: Place,
    target: Place,
    options: CopyOptions,
    made: tuple[str, Checksum] | None,
) -> tuple[ObjectInfo, ObjectInfo, list[str]] | None:
    """None when the source is no longer the one whose checksum was made."""
    for name in sorted({source.bucket, target.bucket}):  # one order, so that none waits in a ring
        bucket = buckets.find(connection, tenant, name, lock=True)
    found, parts = versions.find_with_parts(
        connection, tenant, source.bucket, source.key, source.version
    )
    options.source_conditions.check_copy(found)
    _check_sense(found, source, target, options, bucket.versioning == ENABLED)
    if made is not None and made[0] != found.id:
        return None
    content = Content(
        row_id(),
        found.size,
        found.etag,
        _attributes(found, options),
        made[1] if made else found.checksum,
        found.parts,
        parts,
    )
    copy, freed = versions.put(
        connection,
        tenant,
        target.bucket,
        target.key,
        content,
        options.conditions,
        "ObjectCreated:Copy",
    )
    return copy, found, freed


def _attributes(source: ObjectInfo, options: CopyOptions) -> Attributes:
    attributes = options.attributes or source.attributes
    tags = source.attributes.tags if options.tags is None else options.tags
    return replace(attributes, tags=dict(tags))


def _check_sense(
    found: ObjectInfo, source: Place, target: Place, options: CopyOptions, versioned: bool
) -> None:
    if found.size > MAX_BODY:
        raise EntityTooLarge("A copy has at most 5 GiB; copy a larger object in parts.")
    onto_itself = (source.bucket, source.key) == (target.bucket, target.key)
    changes = options.attributes is not None or options.algorithm or source.version
    if onto_itself and not changes and not versioned:
        raise BadRequest(
            "This copy request is illegal because it is trying to copy an object to itself "
            "without changing the object's metadata."
        )
