"""The platform's own object store, as the sources of documents read it."""

from collections.abc import AsyncIterator

from kit.errors import InvalidRequest, NotFound
from kit.objects.store import ObjectStore
from services.search.service.sources import split_s3_uri


class ObjectReader:
    """Reads whole objects up to `largest` bytes: the size that a document may have."""

    def __init__(self, store: ObjectStore, *, largest: int) -> None:
        self._store = store
        self._largest = largest

    async def list(self, tenant: str, bucket: str, prefix: str) -> AsyncIterator[tuple[str, str]]:
        async for info in self._store.listing.every(tenant, bucket, prefix):
            yield info.key, _mark(info.etag, info.size)

    async def mark(self, tenant: str, uri: str) -> str | None:
        bucket, key = split_s3_uri(uri)
        try:
            info, _ = await self._store.head(tenant, bucket, key)
        except NotFound:
            return None
        return _mark(info.etag, info.size)

    async def read(self, tenant: str, uri: str) -> bytes:
        bucket, key = split_s3_uri(uri)
        reading = await self._store.open(tenant, bucket, key)
        if reading.info.size > self._largest:
            await reading.chunks.aclose()
            raise InvalidRequest(
                f"The file has {reading.info.size} bytes; a document may have {self._largest}."
            )
        return b"".join([part async for part in reading.chunks])


def _mark(etag: str, size: int) -> str:
    return f"{etag}:{size}"
