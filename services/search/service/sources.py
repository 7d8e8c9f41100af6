"""Where a data source's documents lie: a bucket, or what was put in directly."""

import mimetypes
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

import orjson

from kit.database import Database
from kit.errors import InvalidRequest, NotFound
from services.search.repository import custom_documents as custom

SIDECAR = ".metadata.json"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """A document as its source lists it; equal marks mean equal bytes."""

    id: str
    content_mark: str
    metadata_mark: str | None


@dataclass(frozen=True, slots=True)
class SourceBody:
    """`name` ends in the file type; `sidecar` is the attributes' JSON, None without one."""

    name: str
    body: bytes
    sidecar: bytes | None


class Source(Protocol):
    """Raises NotFound from `read` when the document is gone from the source."""

    def list(self) -> AsyncIterator[SourceDocument]: ...

    async def look(self, id: str) -> SourceDocument: ...

    async def read(self, id: str) -> SourceBody: ...


class Objects(Protocol):
    """The object store as the sources need it; URIs are s3://bucket/key."""

    def list(self, tenant: str, bucket: str, prefix: str) -> AsyncIterator[tuple[str, str]]:
        """Every key under the prefix with its mark; raises NotFound without the bucket."""
        ...

    async def mark(self, tenant: str, uri: str) -> str | None: ...

    async def read(self, tenant: str, uri: str) -> bytes:
        """Raises NotFound, and InvalidRequest for an object larger than a document may be."""
        ...


class DirectSource:
    """Documents put in through the API; a row holds the content, or says where it lies in S3."""

    def __init__(self, database: Database, tenant: str, data_source: str, objects: Objects) -> None:
        self._database = database
        self._tenant = tenant
        self._data_source = data_source
        self._objects = objects

    async def list(self) -> AsyncIterator[SourceDocument]:
        for id in await self._database.read(custom.ids, self._tenant, self._data_source):
            yield await self.look(id)

    async def look(self, id: str) -> SourceDocument:
        row = await self._row(id)
        return SourceDocument(id, f"put:{row.updated_at}", f"put:{row.updated_at}")

    async def read(self, id: str) -> SourceBody:
        row = await self._row(id)
        if row.source_uri is not None:
            body, name = await self._linked(row.source_uri), row.source_uri
        else:
            body, name = row.content or b"", f"document{file_ending(row.media_type)}"
        sidecar = None
        if row.attributes_uri is not None:
            sidecar = await self._linked(row.attributes_uri)
        elif row.attributes is not None:
            sidecar = orjson.dumps({"metadataAttributes": row.attributes})
        return SourceBody(name, body, sidecar)

    async def _linked(self, uri: str) -> bytes:
        """What the document says that it consists of; without it there is a document, but bad."""
        try:
            return await self._objects.read(self._tenant, uri)
        except NotFound as error:
            raise InvalidRequest(f"There is nothing at {uri}.") from error

    async def _row(self, id: str) -> custom.Custom:
        row = await self._database.read(custom.get, self._tenant, self._data_source, id)
        if row is None:
            raise NotFound(f"Document {id} is not in the data source.")
        return row


class BucketSource:
    """The objects under a prefix; `key.metadata.json` beside `key` holds its attributes.

    One that its document has left behind is no document: its subject asked to be forgotten.
    """

    def __init__(self, tenant: str, bucket: str, prefix: str, objects: Objects) -> None:
        self._tenant = tenant
        self._bucket = bucket
        self._prefix = prefix
        self._objects = objects

    async def list(self) -> AsyncIterator[SourceDocument]:
        marks = {
            key: mark
            async for key, mark in self._objects.list(self._tenant, self._bucket, self._prefix)
        }
        for key, mark in marks.items():
            if not key.endswith(("/", SIDECAR)):
                yield SourceDocument(self._uri(key), mark, marks.get(key + SIDECAR))

    async def look(self, id: str) -> SourceDocument:
        content = await self._objects.mark(self._tenant, id)
        if content is None:
            raise NotFound(f"{id} is not in the bucket.")
        return SourceDocument(id, content, await self._objects.mark(self._tenant, id + SIDECAR))

    async def read(self, id: str) -> SourceBody:
        body = await self._objects.read(self._tenant, id)
        try:
            sidecar = await self._objects.read(self._tenant, id + SIDECAR)
        except NotFound:
            sidecar = None
        return SourceBody(id, body, sidecar)

    def _uri(self, key: str) -> str:
        return f"s3://{self._bucket}/{key}"


def check_in_bucket(uri: str, bucket: str, prefix: str, *, param: str) -> None:
    """Raises InvalidRequest for what a sync of this bucket would not find."""
    in_bucket, key = split_s3_uri(uri)
    if in_bucket != bucket or not key.startswith(prefix) or key.endswith(("/", SIDECAR)):
        raise InvalidRequest(
            f"{uri} is not a document of the data source, s3://{bucket}/{prefix}.", param=param
        )


def split_s3_uri(uri: str) -> tuple[str, str]:
    """Bucket and key; everything behind the bucket is the key, slashes and dots included."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket or not key or _CONTROL.search(uri):
        raise InvalidRequest(f"{uri} is not an s3://bucket/key URI.", param="uri")
    return bucket, key


def file_ending(media_type: str) -> str:
    """`.txt` for text/plain and so on; raises InvalidRequest for a type that has no parser."""
    ending = mimetypes.guess_extension(media_type.partition(";")[0].strip())
    if ending is None:
        raise InvalidRequest(f"{media_type} is not a type of document.", param="mimeType")
    return ending
