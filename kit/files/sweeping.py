"""Files that have expired are deleted every hour, by whoever holds the store."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kit.errors import PlatformError
from kit.files.store import Files

log = logging.getLogger(__name__)

HOUR = 3600.0


@asynccontextmanager
async def expiring(files: Files, every: float = HOUR) -> AsyncIterator[None]:
    """Sweeps now and `every` so many seconds, as long as it is entered; two at once do no harm."""
    task = asyncio.create_task(_sweep(files, every))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _sweep(files: Files, every: float) -> None:
    while True:
        try:
            await files.sweep()
        except PlatformError as error:
            log.warning("files that have expired were not deleted: %s", error.message)
        await asyncio.sleep(every)
