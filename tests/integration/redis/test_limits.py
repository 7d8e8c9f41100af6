"""The limiter on a real Redis keeps the contract, over processes, and outlives Redis."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import BlockingConnectionPool, Redis

from integrations.redis.limits import RedisLimiter
from tests.contract.limits.suite import LimiterSuite, admitted

pytestmark = pytest.mark.integration


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    pool = BlockingConnectionPool.from_url(redis_url, max_connections=8)
    client = Redis.from_pool(pool)
    await client.flushdb()
    yield client
    await client.aclose()


class TestRedisLimiter(LimiterSuite):
    @pytest.fixture
    def limiter(self, redis: Redis) -> RedisLimiter:
        return RedisLimiter(redis)


async def test_two_gateways_share_one_burst(redis: Redis) -> None:
    first, second = RedisLimiter(redis), RedisLimiter(redis)
    assert await admitted(first, "small", 7) + await admitted(second, "small", 7) == 10


async def test_without_redis_each_process_limits_by_itself(
    caplog: pytest.LogCaptureFixture,
) -> None:
    nowhere = Redis.from_url("redis://127.0.0.1:1/0", socket_timeout=0.2)
    assert await admitted(RedisLimiter(nowhere), "small", 50) == 10
    assert "limits are per process" in caplog.text
    await nowhere.aclose()
