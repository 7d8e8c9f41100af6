"""Work that stops as soon as nobody waits for it any more."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

# Work that ends sooner is not worth a task that listens for the caller's end of the line.
_UNWATCHED_SECONDS = 0.25
Result = TypeVar("Result")


class CallerGone(Exception):
    """The caller went away before the work was done."""


async def unless_gone(
    work: Coroutine[Any, Any, Result], gone: Callable[[], Awaitable[None]]
) -> Result:
    """Runs `work` in this task; cancels it, and raises CallerGone, once `gone` returns."""
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("unless_gone is called from a task")
    left = False
    watching: list[asyncio.Task[None]] = []

    async def watch() -> None:
        nonlocal left
        await gone()
        left = True
        task.cancel()

    timer = asyncio.get_running_loop().call_later(
        _UNWATCHED_SECONDS, lambda: watching.append(asyncio.create_task(watch()))
    )
    try:
        return await work
    except asyncio.CancelledError:
        if left and not task.uncancel():
            raise CallerGone from None
        raise
    finally:
        timer.cancel()
        for watcher in watching:
            watcher.cancel()
