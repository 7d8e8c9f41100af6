"""What crashes leave behind among the objects is swept once a day, by whoever holds the store."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kit.errors import PlatformError
from kit.objects.store import ObjectStore

log = logging.getLogger(__name__)

DAY = 86_400.0


@asynccontextmanager
async def sweeping(objects: ObjectStore, every: float = DAY) -> AsyncIterator[None]:
    """Sweeps now and `every` so many seconds, as long as it is entered; two at once do no harm."""
    task = asyncio.create_task(_sweep(objects, every))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _sweep(objects: ObjectStore, every: float) -> None:
    while True:
        try:
            await objects.sweep()
        except PlatformError as error:
            log.warning("the objects were not swept: %s", error.message)
        await asyncio.sleep(every)
