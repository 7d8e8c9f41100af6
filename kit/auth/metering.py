"""Tokens: taken from the tenant's limits before the work, and booked as they were used."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date

from sqlalchemy.exc import SQLAlchemyError

from kit.auth.budgets import BILLION, Budgets
from kit.auth.limits import Limiter
from kit.auth.principal import Principal
from kit.auth.usage import Usage, UsageMeter
from kit.catalogue import Catalogue
from kit.errors import PlatformError
from kit.telemetry import TOKENS

log = logging.getLogger(__name__)

BYTES_PER_TOKEN = 4  # a guess that the settlement corrects
_MILLION = 1_000_000
_PATIENCE = 2.0  # seconds


@dataclass(slots=True)
class Spending:
    """Set by whoever learns the numbers; what stays 0 is given back.

    `model` is an id of the catalogue, never a name of the caller's, and `adapter` a digest; both
    are empty until they are known, which may be as late as the answer.
    """

    model: str
    tokens_in: int = 0
    tokens_out: int = 0
    adapter: str = ""


class Metering:
    """One per process, for every door and every kind of job."""

    def __init__(
        self, limiter: Limiter, usage: UsageMeter, budgets: Budgets, catalogue: Catalogue
    ) -> None:
        """The catalogue has the prices."""
        self._limiter, self._usage, self._budgets = limiter, usage, budgets
        self._catalogue = catalogue
        self._prices = {
            entry.id: (entry.input_price or 0.0, entry.output_price or 0.0)
            for entry in catalogue.entries
        }

    @asynccontextmanager
    async def spending(
        self, who: Principal, operation: str, model: str, *, request_bytes: int, answer: int = 0
    ) -> AsyncIterator[Spending]:
        """Raises RateLimited and BudgetSpent; books what was used also when the work failed.

        `answer`: the most tokens that may be written. They are reserved with the request's, up to a
        whole minute's, and what was not written is given back at the end.
        """
        limits = await self._budgets.check(who.tenant)
        read = request_bytes // BYTES_PER_TOKEN
        reserved = max(read, min(read + answer, limits.tokens_per_minute))
        await self._limiter.reserve(who.tenant, limits, reserved)
        spent = Spending(model)
        try:
            yield spent
        finally:
            self._book(who.tenant, operation, spent)
            used = spent.tokens_in + spent.tokens_out
            await self._limiter.settle(who.tenant, limits, reserved, used)

    def _book(self, tenant: str, operation: str, spent: Spending) -> None:
        cost = self._cost(spent)
        _tell(spent)
        self._budgets.add(tenant, cost)
        self._usage.add(
            tenant,
            operation,
            spent.model,
            adapter=spent.adapter,
            requests=0,
            tokens_in=spent.tokens_in,
            tokens_out=spent.tokens_out,
            cost=cost,
        )

    def _cost(self, spent: Spending) -> int:
        """In billionths of the currency."""
        price_in, price_out = self._prices.get(spent.model, (0.0, 0.0))
        millionths = spent.tokens_in * price_in + spent.tokens_out * price_out
        return round(millionths * (BILLION // _MILLION))

    def likely_model(self, name: str) -> str:
        """The id behind a caller's name of a model, where the catalogue has it; empty else.

        For work that ends before its answer tells.
        """
        if self._catalogue.serves(name):
            return self._catalogue.find(name).id
        owner = self._catalogue.owner(name)
        return "" if owner is None else owner.id

    async def store(self) -> None:
        """Stores what was booked if the database takes it soon; else that is kept for later."""
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._usage.flush()
        except (PlatformError, SQLAlchemyError, TimeoutError) as error:
            log.warning("Usage is not stored yet: %r", error)

    async def totals(self, who: Principal, start: date, end: date) -> list[Usage]:
        """What the tenant used on the UTC days from `start` to `end`, both included."""
        await self._usage.flush()
        return await self._usage.totals(who.tenant, start, end)


def _tell(spent: Spending) -> None:
    for direction, tokens in (("in", spent.tokens_in), ("out", spent.tokens_out)):
        if tokens:
            TOKENS.labels(spent.model, direction).inc(tokens)
