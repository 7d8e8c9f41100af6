"""A sweep goes on after a time at which it failed."""

import asyncio

from kit.errors import Unavailable
from kit.sweeping import sweeping


class Store:
    def __init__(self) -> None:
        self.sweeps = 0
        self.again = asyncio.Event()

    async def sweep(self) -> int:
        self.sweeps += 1
        if self.sweeps == 1:
            raise Unavailable("The database does not answer now.")
        self.again.set()
        return 0


async def test_a_failed_sweep_is_not_the_last() -> None:
    store = Store()
    async with sweeping(store.sweep, 0.01, "things"):
        await asyncio.wait_for(store.again.wait(), 5)
    ended = store.sweeps
    await asyncio.sleep(0.05)
    assert store.sweeps == ended
