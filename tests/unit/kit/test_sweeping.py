"""A sweep goes on after a time at which it failed."""

import asyncio

import pytest

from kit.errors import Unavailable
from kit.sweeping import sweeping


class Store:
    def __init__(self, failure: Exception) -> None:
        self.sweeps, self.failure = 0, failure
        self.again = asyncio.Event()

    async def sweep(self) -> int:
        self.sweeps += 1
        if self.sweeps == 1:
            raise self.failure
        self.again.set()
        return 0


@pytest.mark.parametrize("failure", [Unavailable("The database is away."), ValueError("a bug")])
async def test_a_failed_sweep_is_not_the_last(failure: Exception) -> None:
    store = Store(failure)
    async with sweeping(store.sweep, 0.01, "things"):
        await asyncio.wait_for(store.again.wait(), 5)
    ended = store.sweeps
    await asyncio.sleep(0.05)
    assert store.sweeps == ended
