"""Buckets and objects as S3 has them: metadata in the database, bytes in blobs."""

from collections.abc import AsyncIterator, Mapping, Sequence

from kit.database import Database
from kit.errors import Internal, PlatformError
from kit.identifiers import row_id
from kit.objects import events, names, versions
from kit.objects.blobspace import Blobspace
from kit.objects.buckets import Buckets
from kit.objects.clearing import Target, clear
from kit.objects.conditions import ALWAYS, Conditions, span_of
from kit.objects.copying import Copies
from kit.objects.errors import BlobMissing, InvalidPartNumber
from kit.objects.events import Events
from kit.objects.listing import Listing
from kit.objects.ports import Blobs
from kit.objects.receiving import receive
from kit.objects.records import (
    Attributes,
    Deleted,
    Expected,
    ObjectInfo,
    Part,
    Reading,
    Span,
)
from kit.objects.staging import Staging
from kit.objects.uploads import Uploads
from kit.objects.versions import Content

_NO_ATTRIBUTES, _NOTHING_PROMISED = Attributes(), Expected()
_AT_ONCE = 100
"""Of 1000 deletions: other writers need not wait for all of them."""


class ObjectStore:
    """Objects here; `buckets`, `listing`, `uploads`, `copies`, `events` and `staging` beside them.

    Another tenant's bucket answers as an absent one: NoSuchBucket.
    """

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database = database
        self._space = Blobspace(blobs)
        self._blobs = blobs
        self.buckets = Buckets(database)
        self.listing = Listing(database)
        self.uploads = Uploads(database, self._space)
        self.copies = Copies(database, self._space)
        self.events = Events(database)
        self.staging = Staging(self._space)

    async def put(
        self,
        tenant: str,
        bucket: str,
        key: str,
        body: AsyncIterator[bytes],
        *,
        attributes: Attributes = _NO_ATTRIBUTES,
        expected: Expected = _NOTHING_PROMISED,
        conditions: Conditions = ALWAYS,
        event: str = "ObjectCreated:Put",
    ) -> ObjectInfo:
        """Stores an object; it is visible, whole and durable, when this returns.

        Raises BadDigest, ConditionFailed, EntityTooLarge, IncompleteBody, InvalidTag, KeyTooLong,
        MetadataTooLarge, NoSuchBucket, StorageFull.
        """
        names.check_key(key)
        names.check_metadata(attributes.metadata)
        names.check_tags(attributes.tags)
        await self._database.read(versions.check_writable, tenant, bucket, key, conditions)
        got = await receive(self._blobs, body, expected)
        part = Part(1, got.blob, got.size, got.md5, got.checksum.value)
        content = Content(row_id(), got.size, got.md5, attributes, got.checksum, parts=(part,))
        info, freed = await self._space.claim(
            got.blob,
            self._database.write(versions.put, tenant, bucket, key, content, conditions, event),
        )
        await self._space.release(freed)
        return info

    async def head(
        self,
        tenant: str,
        bucket: str,
        key: str,
        *,
        version: str = "",
        conditions: Conditions = ALWAYS,
        range_header: str = "",
        part: int | None = None,
    ) -> tuple[ObjectInfo, Span]:
        """What `open` would read. Raises NoSuchKey, NoSuchVersion, ConditionFailed, NotModified."""
        parts: list[Part] = []
        if part is None:
            info = await self._database.read(versions.find, tenant, bucket, key, version)
        else:
            info, parts = await self.parts(tenant, bucket, key, version=version)
        conditions.check_read(info)
        return info, _span(info, parts, range_header, part)

    async def open(
        self,
        tenant: str,
        bucket: str,
        key: str,
        *,
        version: str = "",
        conditions: Conditions = ALWAYS,
        range_header: str = "",
        part: int | None = None,
    ) -> Reading:
        """Opens an object, or a range or a part of it; the caller reads or closes `chunks`.

        Raises NoSuchKey, NoSuchVersion, ConditionFailed, NotModified, RangeNotSatisfiable.
        """
        for _ in range(3):
            info, parts = await self.parts(tenant, bucket, key, version=version)
            conditions.check_read(info)
            span = _span(info, parts, range_header, part)
            try:
                return Reading(info, span, await self._space.read(parts, span))
            except BlobMissing:
                continue  # it was replaced since we looked: look again
        raise Internal("The object's bytes cannot be read.")

    async def parts(
        self, tenant: str, bucket: str, key: str, *, version: str = ""
    ) -> tuple[ObjectInfo, list[Part]]:
        """An object and the parts that it was uploaded in (one, when it came whole)."""
        return await self._database.read(versions.find_with_parts, tenant, bucket, key, version)

    async def delete(
        self,
        tenant: str,
        bucket: str,
        key: str,
        *,
        version: str = "",
        conditions: Conditions = ALWAYS,
    ) -> Deleted:
        """Deletes the version named; without one, the object or its visibility. Absent is done."""
        names.check_key(key)
        deleted, freed = await self._database.write(
            versions.take_away, tenant, bucket, key, version, conditions
        )
        await self._space.release(freed)
        return deleted

    async def delete_many(
        self, tenant: str, bucket: str, targets: Sequence[Target]
    ) -> list[Deleted | PlatformError]:
        """Deletes many and says of each how it went; each hundred is one transaction."""
        outcomes: list[Deleted | PlatformError] = []
        for start in range(0, len(targets), _AT_ONCE):
            some = targets[start : start + _AT_ONCE]
            done, freed = await self._database.write(clear, tenant, bucket, some)
            await self._space.release(freed)
            outcomes += done
        return outcomes

    async def set_tags(
        self, tenant: str, bucket: str, key: str, tags: Mapping[str, str], *, version: str = ""
    ) -> ObjectInfo:
        """Replaces an object's tags."""
        names.check_tags(tags)
        return await self._database.write(
            versions.set_tags, tenant, bucket, key, version, dict(tags)
        )

    async def sweep(self) -> int:
        """Deletes orphaned blobs and old events; returns the number of blobs. Run it daily."""
        await self._database.write(events.forget_old)
        return await self._space.sweep(self._database)


def _span(info: ObjectInfo, parts: Sequence[Part], range_header: str, number: int | None) -> Span:
    if number is None:
        return span_of(range_header, info.size)
    start = 0
    for part in parts:
        if part.number == number:
            return Span(start, part.size, info.size, partial=True)
        start += part.size
    raise InvalidPartNumber("The requested partnumber is not satisfiable.", param="PartNumber")
