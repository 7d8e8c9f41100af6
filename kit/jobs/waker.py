"""Waking a runner in the same process."""

import asyncio


class LocalWaker:
    """A Waker for embedded mode: `wake` by whoever accepts, `wait` by the one runner."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    async def wake(self) -> None:
        self._event.set()

    def wake_now(self) -> None:
        """`wake` for callbacks on the event loop."""
        self._event.set()

    async def wait(self, seconds: float) -> None:
        """Returns when woken, also by a call since the last wait, or after so many `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return
        self._event.clear()
