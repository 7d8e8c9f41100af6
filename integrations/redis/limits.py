"""The limits of all gateways together: GCRA in one script, by Redis's clock."""

import logging
from collections.abc import Callable
from time import monotonic

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from kit.auth.limits import Limits, LocalLimiter, refuse

log = logging.getLogger(__name__)

_PATIENCE = 0.5  # seconds that a request waits when Redis hangs
_RETRY_AFTER = 1.0  # seconds for which the local limiter stands in after a failure
# The same sums as in `kit.auth.limits`; one key a tenant, so it runs on a cluster too.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local cost, rate, forced = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '1'
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now) + cost * 60 / rate
local wait = full - now - 60 - 30 / rate
if wait > 0 and not forced then return string.format('%.6f', wait) end
local left = math.ceil((full - now) * 1000)
if left > 0 then redis.call('SET', KEYS[1], string.format('%.17g', full), 'PX', left)
else redis.call('DEL', KEYS[1]) end
return '0'
"""


def connect(url: str) -> Redis:
    """A client whose crowd waits for a connection, and whose commands wait little for Redis."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=32,
        timeout=_PATIENCE,
        socket_timeout=_PATIENCE,
        socket_connect_timeout=_PATIENCE,
    )
    return Redis.from_pool(pool)


class RedisLimiter:
    """A `kit.auth.limits.Limiter`. While Redis fails, each process limits by itself, and logs it.

    Give it a client of `connect`.
    """

    def __init__(self, redis: Redis, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._local = LocalLimiter()
        self._script = redis.register_script(_TAKE)
        self._retry_at = 0.0

    async def admit(self, tenant: str, limits: Limits) -> None:
        wait = await self._take("requests", tenant, 1, limits.requests_per_minute)
        if wait is None:
            await self._local.admit(tenant, limits)
        elif wait > 0:
            raise refuse(wait, "requests")

    async def reserve(self, tenant: str, limits: Limits, tokens: int) -> None:
        wait = await self._take("tokens", tenant, tokens, limits.tokens_per_minute)
        if wait is None:
            await self._local.reserve(tenant, limits, tokens)
        elif wait > 0:
            raise refuse(wait, "tokens")

    async def settle(self, tenant: str, limits: Limits, reserved: int, used: int) -> None:
        rate = limits.tokens_per_minute
        if await self._take("tokens", tenant, used - reserved, rate, forced=True) is None:
            await self._local.settle(tenant, limits, reserved, used)

    async def _take(
        self, what: str, tenant: str, cost: int, rate: int, *, forced: bool = False
    ) -> float | None:
        """Seconds to wait, 0 when taken, None when Redis does not answer."""
        if cost == 0 or (cost > rate and not forced):
            return 0.0 if cost == 0 else float("inf")
        if self._clock() < self._retry_at:
            return None
        name = f"undercroft:limit:{what}:{tenant}"
        try:
            return float(await self._script(keys=[name], args=[cost, max(rate, 1), int(forced)]))
        except RedisError as error:
            log.warning("Redis does not answer; limits are per process for now: %s", error)
            self._retry_at = self._clock() + _RETRY_AFTER
            return None
