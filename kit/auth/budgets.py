"""What tenants may spend in a day or a month: checked before the work, refused once it is spent."""

from calendar import monthrange
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from time import monotonic

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from kit.auth.limits import Limits
from kit.auth.repository import read_limits
from kit.auth.tables import USAGE
from kit.auth.usage import UsageMeter
from kit.database import Database
from kit.errors import BudgetSpent, PlatformError, Unavailable

BILLION = 1_000_000_000
_TRUSTED = 2.0  # seconds for which a reading of the ledger holds


@dataclass(frozen=True, slots=True)
class Ledger:
    """`spent` is in billionths of the currency, of the running period only."""

    limits: Limits
    spent: int


@dataclass(slots=True)
class _Reading:
    ledger: Ledger
    day: date
    read: float
    before: int
    """What this process had spent by then, and so has told to the ledger."""


class Budgets:
    """Fails closed: where the ledger cannot be read, a tenant who may have a budget is refused.

    Work that runs at once may together go over the budget by its own cost, and by what other
    processes spend in two seconds.
    """

    def __init__(
        self,
        database: Database,
        usage: UsageMeter,
        clock: Callable[[], float] = monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database, self._usage = database, usage
        self._clock, self._now = clock, now
        self._readings: dict[str, _Reading] = {}
        self._spent: defaultdict[str, int] = defaultdict(int)  # by this process, ever

    async def check(self, tenant: str) -> Limits:
        """The tenant's limits, whoever it is and wherever it has authenticated.

        Raises BudgetSpent, with the seconds until the period ends; Unavailable.
        """
        reading = await self._reading(tenant)
        limits = reading.ledger.limits
        spent = reading.ledger.spent + self._spent[tenant] - reading.before
        if limits.budget is None or spent < limits.budget * BILLION:
            return limits
        raise BudgetSpent(
            f"This tenant's budget of {limits.budget:g} for the {limits.period} is spent. Wait for "
            f"the next {limits.period} (UTC), or let the operator raise it with `undercroft "
            "limits set --budget`.",
            retry_after=_until_end(self._now(), limits.period),
        )

    def add(self, tenant: str, cost: int) -> None:
        """Counts at once what the ledger will have only later."""
        self._spent[tenant] += cost

    async def _reading(self, tenant: str) -> _Reading:
        known, today, now = self._readings.get(tenant), self._now().date(), self._clock()
        if known and known.day == today and now - known.read < _TRUSTED:
            return known
        # What comes in meanwhile may be in the ledger too: counted twice until the next reading.
        before = self._spent[tenant]
        try:
            await self._usage.flush()
            ledger = await self._database.read(read_ledger, tenant, today)
        except (PlatformError, SQLAlchemyError) as error:
            if known is not None and known.ledger.limits.budget is None:
                return known
            raise Unavailable(
                "What this tenant has spent cannot be read, so nothing more is spent; try again.",
                retry_after=2,
            ) from error
        fresh = self._readings[tenant] = _Reading(ledger, today, now, before)
        return fresh


def read_ledger(connection: Connection, tenant: str, today: date) -> Ledger:
    """The tenant's limits, and what it spent in the period of `today` where it has a budget."""
    limits = read_limits(connection, tenant)
    if limits.budget is None:
        return Ledger(limits, 0)
    start = today.replace(day=1) if limits.period == "month" else today
    query = select(func.coalesce(func.sum(USAGE.c.cost), 0)).where(
        USAGE.c.tenant == tenant, USAGE.c.day.between(start.isoformat(), today.isoformat())
    )
    return Ledger(limits, int(connection.execute(query).scalar_one()))


def _until_end(now: datetime, period: str) -> float:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    days = monthrange(now.year, now.month)[1] - now.day + 1 if period == "month" else 1
    return (midnight + timedelta(days=days) - now).total_seconds()
