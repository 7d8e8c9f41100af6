"""Waking the dispatcher in another process, over a Redis channel."""

import asyncio
import logging
from contextlib import AsyncExitStack

from pydantic import SecretStr
from redis.asyncio import Redis
from redis.exceptions import RedisError

from kit.jobs.waker import LocalWaker

logger = logging.getLogger(__name__)

CHANNEL = "undercroft:jobs"
PATIENCE = 1.0
"""Seconds that a wake may take; accepting a job never depends on it."""


class RedisWaker:
    """A Waker; `wait` is for the one who is woken. Redis away: `wake` is lost, `wait` waits."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(
            url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=None
        )
        self._channel = self._redis.pubsub(ignore_subscribe_messages=True)

    async def wake(self) -> None:
        try:
            await self._redis.publish(CHANNEL, b"")
        except (RedisError, OSError) as error:
            logger.warning("a wake was lost: %s", type(error).__name__)

    async def wait(self, seconds: float) -> None:
        """Returns at a wake, or after so many seconds."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        try:
            if not self._channel.subscribed:
                await self._channel.subscribe(CHANNEL)
            while (left := until - loop.time()) > 0:
                if await self._channel.get_message(timeout=left) is not None:
                    return
        except (RedisError, OSError) as error:
            logger.warning("no wakes come through: %s", type(error).__name__)
            await self._channel.aclose()  # type: ignore[no-untyped-call]
            await asyncio.sleep(max(until - loop.time(), 0))

    async def close(self) -> None:
        await self._channel.aclose()  # type: ignore[no-untyped-call]
        await self._redis.aclose()


def open_waker(url: SecretStr | None, closing: AsyncExitStack) -> RedisWaker | LocalWaker:
    """Of a process that accepts jobs; without a broker, workers look for themselves."""
    if url is None:
        return LocalWaker()
    waker = RedisWaker(url.get_secret_value())
    closing.push_async_callback(waker.close)
    return waker
