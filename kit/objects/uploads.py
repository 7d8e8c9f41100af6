"""Multi-part uploads: parts become durable one by one, the object visible all at once."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from kit.database import Database, clock
from kit.identifiers import row_id
from kit.objects import buckets, names, parts, versions
from kit.objects.assembling import Claim, Promise, chosen_parts, whole_of
from kit.objects.blobspace import Blobspace
from kit.objects.checksums import DEFAULT_ALGORITHM, combinable, default_kind, new_hasher
from kit.objects.conditions import ALWAYS, Conditions
from kit.objects.errors import BadRequest, InvalidArgument, NoSuchUpload
from kit.objects.receiving import Received, receive
from kit.objects.records import Attributes, Expected, ObjectInfo, Part, Upload
from kit.objects.tables import UPLOADS, VERSIONS

MAX_PARTS = 10_000


@dataclass(frozen=True, slots=True)
class Uploads:
    """Every method raises NoSuchBucket and NoSuchUpload."""

    database: Database
    space: Blobspace

    async def create(
        self,
        tenant: str,
        bucket: str,
        key: str,
        attributes: Attributes,
        *,
        algorithm: str = "",
        kind: str = "",
    ) -> Upload:
        """Starts an upload; its parts' checksums and the object's are by `algorithm`."""
        names.check_key(key)
        names.check_metadata(attributes.metadata)
        names.check_tags(attributes.tags)
        chosen = algorithm or DEFAULT_ALGORITHM
        new_hasher(chosen)
        if not combinable(chosen, kind or default_kind(chosen)):
            raise BadRequest(
                f"The {kind or default_kind(chosen)} checksum type cannot be used with the "
                f"{chosen} checksum algorithm.",
                param="ChecksumType",
            )
        upload = Upload(row_id(), key, 0.0, attributes, chosen, kind or default_kind(chosen))
        return await self.database.write(_create, tenant, bucket, upload)

    async def get(self, tenant: str, bucket: str, key: str, upload: str) -> Upload:
        return await self.database.read(find, tenant, bucket, key, upload)

    async def put_part(
        self,
        tenant: str,
        bucket: str,
        key: str,
        upload: str,
        number: int,
        body: AsyncIterator[bytes],
        expected: Expected,
    ) -> tuple[Part, Upload]:
        """Takes a part in, in place of an earlier one of its number."""
        if not 1 <= number <= MAX_PARTS:
            raise InvalidArgument("Part number must be an integer between 1 and 10000, inclusive.")
        found = await self.get(tenant, bucket, key, upload)
        received = await receive(self.space.blobs, body, expected, stored_algorithm=found.algorithm)
        part, freed = await self.space.claim(
            received.blob,
            self.database.write(_put_part, tenant, bucket, key, upload, number, received),
        )
        await self.space.release(freed)
        return part, found

    async def parts(
        self, tenant: str, bucket: str, key: str, upload: str
    ) -> tuple[Upload, list[Part]]:
        return await self.database.read(_with_parts, tenant, bucket, key, upload)

    async def complete(
        self,
        tenant: str,
        bucket: str,
        key: str,
        upload: str,
        claims: Sequence[Claim],
        *,
        promise: Promise = Promise(),  # noqa: B008 - frozen
        conditions: Conditions = ALWAYS,
    ) -> ObjectInfo:
        """Makes the listed parts the object. Asked again after it was done, it answers the same.

        Raises InvalidPart, InvalidPartOrder, PartTooSmall, BadDigest, ConditionFailed.
        """
        info, freed = await self.database.write(
            _complete, tenant, bucket, key, upload, claims, promise, conditions
        )
        await self.space.release(freed)
        return info

    async def abort(self, tenant: str, bucket: str, key: str, upload: str) -> None:
        """Ends an upload and frees its parts."""
        await self.space.release(await self.database.write(_abort, tenant, bucket, key, upload))


def find(connection: Connection, tenant: str, bucket: str, key: str, upload: str) -> Upload:
    """The upload under way. Raises NoSuchUpload once it is complete or aborted."""
    buckets.find(connection, tenant, bucket)
    query = select(UPLOADS).where(
        UPLOADS.c.tenant == tenant,
        UPLOADS.c.bucket == bucket,
        UPLOADS.c.key == key,
        UPLOADS.c.id == upload,
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NoSuchUpload(
            "The specified multipart upload does not exist. The upload ID might be invalid, or "
            "the multipart upload might have been aborted or completed.",
            param="UploadId",
        )
    return upload_of(row)


def upload_of(row: Row[Any]) -> Upload:
    """A row of all columns of the uploads' table as a record."""
    attributes = Attributes(row.headers, row.metadata, row.tags)
    return Upload(row.id, row.key, row.started, attributes, row.algorithm, row.kind)


def _create(connection: Connection, tenant: str, bucket: str, upload: Upload) -> Upload:
    buckets.find(connection, tenant, bucket, lock=True)
    values: dict[str, Any] = {
        "id": upload.id,
        "tenant": tenant,
        "bucket": bucket,
        "key": upload.key,
        "started": clock(connection),
        "algorithm": upload.algorithm,
        "kind": upload.kind,
    }
    connection.execute(insert(UPLOADS).values(values | asdict(upload.attributes)))
    return find(connection, tenant, bucket, upload.key, upload.id)


def _put_part(
    connection: Connection,
    tenant: str,
    bucket: str,
    key: str,
    upload: str,
    number: int,
    received: Received,
) -> tuple[Part, list[str]]:
    buckets.find(connection, tenant, bucket, lock=True)
    find(connection, tenant, bucket, key, upload)
    freed = parts.free(connection, tenant, [upload], [number])
    part = Part(
        number,
        received.blob,
        received.size,
        received.md5,
        received.checksum.value,
        clock(connection),
    )
    parts.add(connection, tenant, upload, [part])
    return part, freed


def _with_parts(
    connection: Connection, tenant: str, bucket: str, key: str, upload: str
) -> tuple[Upload, list[Part]]:
    found = find(connection, tenant, bucket, key, upload)
    return found, parts.of(connection, tenant, upload)


def _complete(
    connection: Connection,
    tenant: str,
    bucket: str,
    key: str,
    upload: str,
    claims: Sequence[Claim],
    promise: Promise,
    conditions: Conditions,
) -> tuple[ObjectInfo, list[str]]:
    buckets.find(connection, tenant, bucket, lock=True)
    done = _already_complete(connection, tenant, bucket, key, upload)
    if done is not None:
        return done, []
    found, stored = _with_parts(connection, tenant, bucket, key, upload)
    chosen = chosen_parts(claims, {part.number: part for part in stored})
    content = whole_of(found, chosen, promise)
    kept = {part.number for part in chosen}
    dropped = [part.number for part in stored if part.number not in kept]
    freed = parts.free(connection, tenant, [upload], dropped) if dropped else []
    info, replaced = versions.put(
        connection,
        tenant,
        bucket,
        key,
        content,
        conditions,
        "ObjectCreated:CompleteMultipartUpload",
    )
    _forget(connection, tenant, upload)
    return info, freed + replaced


def _already_complete(
    connection: Connection, tenant: str, bucket: str, key: str, upload: str
) -> ObjectInfo | None:
    """A version keeps the id of the upload that it came by, so a repeated request finds it."""
    query = select(VERSIONS).where(
        VERSIONS.c.tenant == tenant,
        VERSIONS.c.bucket == bucket,
        VERSIONS.c.key == key,
        VERSIONS.c.id == upload,
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else versions.info_of(row)


def _abort(connection: Connection, tenant: str, bucket: str, key: str, upload: str) -> list[str]:
    buckets.find(connection, tenant, bucket, lock=True)
    find(connection, tenant, bucket, key, upload)
    freed = parts.free(connection, tenant, [upload])
    _forget(connection, tenant, upload)
    return freed


def _forget(connection: Connection, tenant: str, upload: str) -> None:
    connection.execute(delete(UPLOADS).where(UPLOADS.c.tenant == tenant, UPLOADS.c.id == upload))
