"""Work is cancelled when its caller leaves, and for no other reason."""

import asyncio

import pytest

from kit.leaving import CallerGone, unless_gone


async def never() -> None:
    await asyncio.Event().wait()


async def test_work_that_ends_gives_its_result() -> None:
    async def work() -> str:
        return "done"

    assert await unless_gone(work(), never) == "done"


async def test_work_is_cancelled_once_the_caller_is_gone() -> None:
    cancelled = asyncio.Event()

    async def work() -> None:
        try:
            await never()
        finally:
            cancelled.set()

    async def gone() -> None:
        return

    with pytest.raises(CallerGone):
        await unless_gone(work(), gone)
    assert cancelled.is_set()
    await asyncio.sleep(0)  # the task goes on: its own cancellation was taken back


async def test_a_cancellation_from_outside_stays_one() -> None:
    task = asyncio.create_task(unless_gone(never(), never))
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_error_of_the_work_is_raised_and_nothing_watches_on() -> None:
    async def work() -> None:
        await asyncio.sleep(0.3)  # long enough to be watched
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await unless_gone(work(), never)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
