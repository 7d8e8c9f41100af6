"""What is left behind is cleared away again and again, by whoever holds the store of it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from kit.errors import PlatformError

log = logging.getLogger(__name__)

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


@asynccontextmanager
async def sweeping(
    sweep: Callable[[], Awaitable[object]], every: float, what: str
) -> AsyncIterator[None]:
    """Sweeps now and `every` so many seconds, as long as it is entered; a failure is not the last.

    `sweep` must do no harm where another process does the same. `what` it clears is for the log.
    """
    task = asyncio.create_task(_repeat(sweep, every, what))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _repeat(sweep: Callable[[], Awaitable[object]], every: float, what: str) -> None:
    while True:
        try:
            await sweep()
        except (PlatformError, OSError) as error:
            log.warning("%s were not swept: %s", what, error)
        except Exception:
            log.exception("the sweep of %s broke; it is tried again", what)
        await asyncio.sleep(every)
