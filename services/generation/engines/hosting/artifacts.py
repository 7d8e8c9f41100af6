"""Looks into the archives that tenants deploy: the list of members, and one small text file."""

from contextlib import aclosing

from kit.confined import Limits, run_confined
from kit.errors import InvalidRequest, NotFound
from kit.objects.ports import ByteStream
from kit.objects.store import ObjectStore
from services.generation.engines.hosting import looking
from services.generation.ports import Artifact
from services.generation.service.adapters.limits import MOST_KEYS

_LIMITS = Limits(seconds=600, memory_bytes=1 << 30)
"""A header may claim any size, and is unpacked into memory: there it ends a child alone."""


class StoredArtifacts:
    """Reads from the platform's own object store, and keeps no copy: an archive may be of any size.

    Adapters lie in `adapters/NAME/`.
    """

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    async def look(self, tenant: str, uri: str) -> Artifact:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        if not uri.startswith("s3://") or not bucket or not key:
            raise InvalidRequest(f"{uri!r} is no S3 URI of an archive or a prefix.")
        if not key.endswith((".tar.gz", ".tgz", ".tar")):
            return await self._look_under(tenant, bucket, key.rstrip("/") + "/")
        async with aclosing(await self._open(tenant, bucket, key)) as archive:
            try:
                told = await run_confined(looking.__name__, {}, _LIMITS, body=archive)
            except InvalidRequest as error:
                raise InvalidRequest(
                    f"{uri} is not an archive that can be read: {error.message}"
                ) from error
        return Artifact(told["properties"], tuple(told["adapters"]))

    async def _open(self, tenant: str, bucket: str, key: str) -> ByteStream:
        try:
            return (await self._objects.open(tenant, bucket, key)).chunks
        except NotFound as error:
            raise NotFound(f"Could not find model data at s3://{bucket}/{key}.") from error

    async def _look_under(self, tenant: str, bucket: str, prefix: str) -> Artifact:
        """A prefix holds the same files, not packed."""
        names = list[str]()
        async for info in self._objects.listing.every(tenant, bucket, prefix):
            names.append(info.key.removeprefix(prefix))
            if len(names) > MOST_KEYS:
                raise InvalidRequest(f"s3://{bucket}/{prefix} holds more than {MOST_KEYS} objects.")
        if not names:
            raise NotFound(f"Could not find model data at s3://{bucket}/{prefix}.")
        text = b""
        if looking.PROPERTIES in names:
            text = await self._beginning(tenant, bucket, prefix + looking.PROPERTIES)
        return Artifact(text.decode(errors="replace"), tuple(looking.adapters_of(names)))

    async def _beginning(self, tenant: str, bucket: str, key: str) -> bytes:
        """As much as of a text in an archive: an object may be larger than memory."""
        parts, size = list[bytes](), 0
        async with aclosing(await self._open(tenant, bucket, key)) as pieces:
            async for piece in pieces:
                parts.append(piece)
                size += len(piece)
                if size >= looking.MOST_TEXT:
                    break
        return b"".join(parts)[: looking.MOST_TEXT]
