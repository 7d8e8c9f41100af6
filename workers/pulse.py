"""A file that is touched every second while a process turns: what a health check looks at."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

EVERY = 1.0


def touch(path: Path) -> None:
    path.touch(mode=0o600)


@asynccontextmanager
async def beating(path: Path | None) -> AsyncIterator[None]:
    """Touches the file from the event loop as long as it is entered; does nothing without one."""
    if path is None:
        yield
        return
    task = asyncio.create_task(_beat(path))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _beat(path: Path) -> None:
    while True:
        touch(path)
        await asyncio.sleep(EVERY)
