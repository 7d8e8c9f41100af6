"""Tokens: taken from the tenant's limit before the work, and booked as they were used."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date

from kit.auth.limits import Limiter
from kit.auth.principal import Principal
from kit.auth.usage import Usage, UsageMeter
from kit.telemetry import TOKENS

_BYTES_PER_TOKEN = 4  # a guess that the settlement corrects


@dataclass(slots=True)
class Spending:
    """Set by whoever learns the numbers; what stays 0 is given back.

    `model` is an id of the catalogue, never a name of the caller's; empty until it is known.
    """

    model: str
    tokens_in: int = 0
    tokens_out: int = 0


class Metering:
    """One per process, for every door."""

    def __init__(self, limiter: Limiter, usage: UsageMeter) -> None:
        self._limiter = limiter
        self._usage = usage

    @asynccontextmanager
    async def spending(
        self, who: Principal, operation: str, model: str, *, request_bytes: int
    ) -> AsyncIterator[Spending]:
        """Raises RateLimited over the limit; books what was used also when the work failed."""
        reserved = request_bytes // _BYTES_PER_TOKEN
        await self._limiter.reserve(who.tenant, reserved)
        spent = Spending(model)
        try:
            yield spent
        finally:
            await self._limiter.settle(who.tenant, reserved, spent.tokens_in + spent.tokens_out)
            _tell(spent)
            self._usage.add(
                who.tenant,
                operation,
                spent.model,
                requests=0,
                tokens_in=spent.tokens_in,
                tokens_out=spent.tokens_out,
            )

    async def totals(self, who: Principal, start: date, end: date) -> list[Usage]:
        """What the tenant used on the UTC days from `start` to `end`, both included."""
        await self._usage.flush()
        return await self._usage.totals(who.tenant, start, end)


def _tell(spent: Spending) -> None:
    for direction, tokens in (("in", spent.tokens_in), ("out", spent.tokens_out)):
        if tokens:
            TOKENS.labels(spent.model, direction).inc(tokens)
