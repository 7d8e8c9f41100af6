"""What every limiter does; each implementation's test class inherits this and makes a `limiter`."""

import asyncio

import pytest

from kit.auth.limits import Limiter, Limits
from kit.errors import RateLimited

SMALL = Limits(requests_per_minute=10, tokens_per_minute=1000)
RATES = {
    "small": SMALL,
    "other": Limits(requests_per_minute=10, tokens_per_minute=1000),
    "closed": Limits(requests_per_minute=0, tokens_per_minute=0),
    "quick": Limits(requests_per_minute=600, tokens_per_minute=60_000),
}


async def admitted(limiter: Limiter, tenant: str, tries: int) -> int:
    results = await asyncio.gather(
        *(limiter.admit(tenant, RATES[tenant]) for _ in range(tries)), return_exceptions=True
    )
    assert all(result is None or isinstance(result, RateLimited) for result in results)
    return results.count(None)


class LimiterSuite:
    async def test_a_burst_admits_exactly_the_limit(self, limiter: Limiter) -> None:
        assert await admitted(limiter, "small", 200) == 10

    async def test_one_tenants_burst_takes_nothing_from_another(self, limiter: Limiter) -> None:
        await admitted(limiter, "small", 50)
        assert await admitted(limiter, "other", 50) == 10

    async def test_a_refusal_says_when_to_come_back(self, limiter: Limiter) -> None:
        await admitted(limiter, "small", 10)
        with pytest.raises(RateLimited) as refused:
            await limiter.admit("small", RATES["small"])
        assert refused.value.retry_after is not None
        assert 2 < refused.value.retry_after <= 6

    async def test_after_that_wait_one_request_passes(self, limiter: Limiter) -> None:
        await admitted(limiter, "quick", 650)
        with pytest.raises(RateLimited) as refused:
            await limiter.admit("quick", RATES["quick"])
        await asyncio.sleep((refused.value.retry_after or 0) + 0.01)
        await limiter.admit("quick", RATES["quick"])

    async def test_a_limit_of_zero_refuses_everything(self, limiter: Limiter) -> None:
        assert await admitted(limiter, "closed", 3) == 0

    async def test_tokens_are_reserved_and_the_unused_come_back(self, limiter: Limiter) -> None:
        await limiter.reserve("small", SMALL, 1000)
        with pytest.raises(RateLimited):
            await limiter.reserve("small", SMALL, 100)
        await limiter.settle("small", SMALL, 1000, 500)
        await limiter.reserve("small", SMALL, 490)

    async def test_tokens_used_beyond_the_estimate_are_owed(self, limiter: Limiter) -> None:
        await limiter.reserve("small", SMALL, 10)
        await limiter.settle("small", SMALL, 10, 990)
        with pytest.raises(RateLimited):
            await limiter.reserve("small", SMALL, 50)

    async def test_more_than_a_minutes_tokens_can_never_pass(self, limiter: Limiter) -> None:
        with pytest.raises(RateLimited) as refused:
            await limiter.reserve("small", SMALL, 1001)
        assert refused.value.retry_after is None

    async def test_requests_and_tokens_are_counted_apart(self, limiter: Limiter) -> None:
        await limiter.reserve("small", SMALL, 1000)
        assert await admitted(limiter, "small", 20) == 10
