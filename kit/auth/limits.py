"""Request and token limits per tenant: GCRA, exact to the request, in memory or in Redis."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Literal, Protocol

from kit.errors import RateLimited

MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Per minute; a minute's worth may come at once. The default stops accidents, not work."""

    requests_per_minute: int = 600_000
    tokens_per_minute: int = 100_000_000
    budget: float | None = None
    """What may be spent in one `period` of UTC, in the platform's currency; None for no bound."""
    period: Literal["day", "month"] = "month"


class Limiter(Protocol):
    """Raises RateLimited, with `retry_after` in seconds, when a tenant is over its limits."""

    async def admit(self, tenant: str, limits: Limits) -> None:
        """Counts one request."""
        ...

    async def reserve(self, tenant: str, limits: Limits, tokens: int) -> None:
        """Takes an estimate of tokens before the work; give the truth to `settle` after it."""
        ...

    async def settle(self, tenant: str, limits: Limits, reserved: int, used: int) -> None:
        """Returns what was not used, or takes what went over; never refuses."""
        ...


def refuse(wait: float, what: str) -> RateLimited:
    """`wait` is in seconds; infinite when the cost alone is above the limit."""
    if wait == float("inf"):
        return RateLimited(f"This asks for more {what} than this tenant's limit for a minute.")
    return RateLimited(f"Over this tenant's limit of {what} per minute.", retry_after=wait)


class LocalLimiter:
    """The limiter of a single process; also what stands in while Redis is down."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        # GCRA keeps one number a tenant: the time at which its burst is whole again.
        self._requests: dict[str, float] = {}
        self._tokens: dict[str, float] = {}

    async def admit(self, tenant: str, limits: Limits) -> None:
        wait = _take(self._requests, tenant, 1, limits.requests_per_minute, self._clock())
        if wait > 0:
            raise refuse(wait, "requests")

    async def reserve(self, tenant: str, limits: Limits, tokens: int) -> None:
        wait = _take(self._tokens, tenant, tokens, limits.tokens_per_minute, self._clock())
        if wait > 0:
            raise refuse(wait, "tokens")

    async def settle(self, tenant: str, limits: Limits, reserved: int, used: int) -> None:
        rate = limits.tokens_per_minute
        full = max(self._tokens.get(tenant, 0.0), self._clock())
        self._tokens[tenant] = full + (used - reserved) * MINUTE / max(rate, 1)


def _take(full_at: dict[str, float], tenant: str, cost: int, rate: int, now: float) -> float:
    """Takes `cost` and returns 0, or takes nothing and returns the seconds to wait."""
    if cost <= 0:
        return 0.0
    if cost > rate:
        return float("inf")
    start = max(full_at.get(tenant, 0.0), now)
    full = start + cost * MINUTE / rate
    # Half a unit of slack: sums of floats must not cost the last request of a burst.
    wait = full - now - MINUTE - 0.5 * MINUTE / rate
    if wait > 0:
        return wait
    full_at[tenant] = full
    return 0.0
