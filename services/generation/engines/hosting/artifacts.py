"""Looks into the archives that tenants deploy: the list of members, and one small text file."""

import asyncio
import posixpath
import tarfile
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import PurePosixPath
from tempfile import TemporaryFile
from typing import IO

from kit.errors import InvalidRequest, NotFound
from kit.objects.listing import Query
from kit.objects.store import ObjectStore
from services.generation.ports import Artifact

_PROPERTIES = "serving.properties"
_CONFIG = "adapter_config.json"
_MOST_MEMBERS = 10_000
_MOST_TEXT = 2**20
_MOST_UNPACKED = 256 * 2**30
"""Bytes: base models are large; what it unpacks to is read past, never kept."""


class StoredArtifacts:
    """Reads from the platform's own object store. Adapters lie in `adapters/NAME/`."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    async def look(self, tenant: str, uri: str) -> Artifact:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        if not uri.startswith("s3://") or not bucket or not key:
            raise InvalidRequest(f"{uri!r} is no S3 URI of an archive or a prefix.")
        if not key.endswith((".tar.gz", ".tgz", ".tar")):
            return await self._look_under(tenant, bucket, key.rstrip("/") + "/")
        with TemporaryFile() as file:
            async for piece in self._bytes(tenant, bucket, key):
                await asyncio.to_thread(file.write, piece)
            file.seek(0)
            try:
                return await asyncio.to_thread(_look, file)
            except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
                raise InvalidRequest(
                    f"{uri} is not an archive that can be read: {error}"
                ) from error

    async def _bytes(self, tenant: str, bucket: str, key: str) -> AsyncIterator[bytes]:
        try:
            reading = await self._objects.open(tenant, bucket, key)
        except NotFound as error:
            raise NotFound(f"Could not find model data at s3://{bucket}/{key}.") from error
        async for piece in reading.chunks:
            yield piece

    async def _look_under(self, tenant: str, bucket: str, prefix: str) -> Artifact:
        """A prefix holds the same files, not packed."""
        page = await self._objects.listing.current(tenant, bucket, Query(prefix=prefix))
        names = [info.key.removeprefix(prefix) for info in page.items]
        if not names:
            raise NotFound(f"Could not find model data at s3://{bucket}/{prefix}.")
        text = b""
        if _PROPERTIES in names:
            whole = self._bytes(tenant, bucket, prefix + _PROPERTIES)
            text = b"".join([piece async for piece in whole])[:_MOST_TEXT]
        return Artifact(text.decode(errors="replace"), tuple(_adapters(names)))


def _look(file: IO[bytes]) -> Artifact:
    names: list[str] = []
    properties, left = b"", _MOST_UNPACKED
    with tarfile.open(fileobj=file, mode="r|*") as archive:
        for member in archive:
            name = posixpath.normpath(member.name)
            names.append(name)
            if len(names) > _MOST_MEMBERS:
                raise InvalidRequest(f"The archive has more than {_MOST_MEMBERS} members.")
            left -= member.size
            if left < 0:
                raise InvalidRequest(f"The archive unpacks to more than {_MOST_UNPACKED} bytes.")
            if member.isfile() and PurePosixPath(name).name == _PROPERTIES and not properties:
                found = archive.extractfile(member)
                properties = found.read(_MOST_TEXT) if found is not None else b""
    return Artifact(properties.decode(errors="replace"), tuple(_adapters(names)))


def _adapters(names: list[str]) -> Iterator[str]:
    for name in sorted(set(names)):
        path = PurePosixPath(name)
        if path.name == _CONFIG and len(path.parts) >= 3 and path.parts[-3] == "adapters":
            yield path.parts[-2]
