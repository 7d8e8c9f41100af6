"""Files that a tenant hands over under an id: rows for what they are, objects for their bytes."""

from collections.abc import AsyncIterator, Callable

from uuid_utils import uuid7

from kit.database import Database
from kit.files import rows
from kit.files.rows import Facts, File
from kit.objects.records import Reading
from kit.objects.store import ObjectStore

BUCKET = ".files"
"""No bucket of S3 can have this name, and the S3 door opens none that has."""
_SWEEP = 100


class Files:
    """Every call stays within one tenant; another tenant's file is NotFound."""

    def __init__(self, database: Database, objects: ObjectStore) -> None:
        self._database = database
        self._objects = objects

    async def add(
        self,
        tenant: str,
        body: AsyncIterator[bytes],
        facts: Callable[[], Facts],
        *,
        file: str | None = None,
    ) -> File:
        """Durable when this returns; `facts` is asked once the body has ended, and may raise.

        `file` is an id from `new_id`, for a caller that may have to do it again.
        """
        file = file or new_id()
        await self._objects.buckets.reserve(tenant, BUCKET)
        await self._database.write(rows.begin, tenant, file)
        try:
            stored = await self._objects.put(tenant, BUCKET, file, body)
            told = facts()
        except BaseException:
            await self._drop(tenant, file)
            raise
        return await self._database.write(rows.complete, tenant, file, told, stored.size)

    async def get(self, tenant: str, file: str) -> File:
        return await self._database.read(rows.get, tenant, file)

    async def page(
        self,
        tenant: str,
        *,
        purpose: str | None = None,
        after: str | None = None,
        limit: int = 10_000,
        newest_first: bool = True,
    ) -> list[File]:
        return await self._database.read(
            rows.page, tenant, purpose=purpose, after=after, limit=limit, newest_first=newest_first
        )

    async def open(self, tenant: str, file: str) -> Reading:
        """The caller reads or closes its `chunks`."""
        await self.get(tenant, file)
        return await self._objects.open(tenant, BUCKET, file)

    async def delete(self, tenant: str, file: str) -> None:
        """Raises NotFound."""
        await self.get(tenant, file)
        await self._drop(tenant, file)

    async def sweep(self) -> None:
        """Deletes what has expired and what broke on its way."""
        while gone := await self._database.read(rows.outlived, _SWEEP):
            for tenant, file in gone:
                await self._drop(tenant, file)

    async def _drop(self, tenant: str, file: str) -> None:
        """The bytes first: a row without bytes is found again, bytes without a row are not."""
        await self._objects.delete(tenant, BUCKET, file)
        await self._database.write(rows.forget, tenant, file)


def new_id() -> str:
    """Sorts by time of making."""
    return f"file-{uuid7().hex}"
