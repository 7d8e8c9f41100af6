"""Several streams as one."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TypeAlias, TypeVar

T = TypeVar("T")
_Told: TypeAlias = tuple[int, T] | Exception | None


async def side_by_side(
    streams: Sequence[AsyncGenerator[T, None]],
) -> AsyncGenerator[tuple[int, T], None]:
    """What each yields as it comes, with its place; the first error ends all of them."""
    if len(streams) == 1:
        async with aclosing(streams[0]) as only:
            async for item in only:
                yield 0, item
        return
    waiting: asyncio.Queue[_Told[T]] = asyncio.Queue(len(streams))
    tasks = [asyncio.create_task(_pump(*one, waiting)) for one in enumerate(streams)]
    try:
        left = len(tasks)
        while left:
            got = await waiting.get()
            if isinstance(got, Exception):
                raise got
            if got is None:
                left -= 1
            else:
                yield got
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pump(
    place: int, stream: AsyncGenerator[T, None], waiting: "asyncio.Queue[_Told[T]]"
) -> None:
    """The last that it tells is an error, or None."""
    try:
        async with aclosing(stream):
            async for item in stream:
                await waiting.put((place, item))
    except Exception as error:  # noqa: BLE001 - the reader raises it
        await waiting.put(error)
    else:
        await waiting.put(None)
