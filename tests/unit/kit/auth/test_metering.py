"""Tokens are booked to who used them, with their cost, and a spent budget refuses."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from kit.auth.budgets import BILLION, Budgets
from kit.auth.keyring import Keyring
from kit.auth.limits import Limits, LocalLimiter
from kit.auth.metering import Metering
from kit.auth.principal import Principal
from kit.auth.repository import ensure_tenant, set_limits
from kit.auth.usage import UsageMeter
from kit.catalogue import Catalogue, ModelEntry
from kit.database import Database
from kit.errors import BudgetSpent, RateLimited, Unavailable

DIGEST = "ab" * 32
TODAY = datetime.now(UTC).date()
PRICED = ModelEntry(
    id="test.priced",
    name="Priced",
    provider="Test",
    kind="text",
    engine="vllm",
    description="",
    licence="",
    source="",
    input_price=2.0,
    output_price=10.0,
)


class Clocks:
    def __init__(self) -> None:
        self.ticks = 0.0
        self.date = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def who(database: Database, keyring: Keyring) -> Principal:
    tenant = database.write_now(ensure_tenant, "acme")
    return Principal(tenant.id, tenant.account, "key", ())


@pytest.fixture
def usage(database: Database) -> UsageMeter:
    return UsageMeter(database)


@pytest.fixture
def metering(database: Database, usage: UsageMeter, clocks: Clocks) -> Metering:
    return metering_of(database, usage, clocks)


def metering_of(database: Database, usage: UsageMeter, clocks: Clocks) -> Metering:
    budgets = Budgets(database, usage, lambda: clocks.ticks, lambda: clocks.date)
    return Metering(LocalLimiter(), usage, budgets, Catalogue([PRICED]))


async def spend(metering: Metering, who: Principal, tokens_in: int, tokens_out: int) -> None:
    async with metering.spending(who, "op", "", request_bytes=0) as spent:
        spent.model, spent.adapter = "test.priced", DIGEST
        spent.tokens_in, spent.tokens_out = tokens_in, tokens_out


async def test_rows_keep_the_model_the_adapter_and_the_cost(
    metering: Metering, who: Principal
) -> None:
    await spend(metering, who, 1_000, 100)
    today = datetime.now(UTC).date()
    (row,) = await metering.totals(who, today, today)
    assert (row.model, row.adapter) == ("test.priced", DIGEST)
    assert (row.tokens_in, row.tokens_out) == (1_000, 100)
    assert row.cost == round((1_000 * 2.0 + 100 * 10.0) / 1e6 * BILLION)


async def test_a_tenant_without_a_budget_spends_on(metering: Metering, who: Principal) -> None:
    for _ in range(3):
        await spend(metering, who, 10_000_000, 0)


async def test_a_limit_of_tokens_holds_where_nobody_has_authenticated(
    database: Database, metering: Metering, who: Principal, clocks: Clocks
) -> None:
    """As in the processes of workers, and after a restart."""
    database.write_now(set_limits, who.tenant, Limits(tokens_per_minute=100))
    async with metering.spending(who, "op", "", request_bytes=4) as spent:
        spent.tokens_in = 100
    with pytest.raises(RateLimited, match="tokens"):
        async with metering.spending(who, "op", "", request_bytes=40):
            pass
    database.write_now(set_limits, who.tenant, Limits())
    clocks.ticks += 3
    async with metering.spending(who, "op", "", request_bytes=4_000):
        pass


async def test_an_answers_tokens_are_held_until_it_is_there(
    database: Database, metering: Metering, who: Principal
) -> None:
    database.write_now(set_limits, who.tenant, Limits(tokens_per_minute=200))
    async with metering.spending(who, "op", "", request_bytes=40, answer=100) as spent:
        with pytest.raises(RateLimited, match="tokens"):
            async with metering.spending(who, "op", "", request_bytes=40, answer=100):
                pass
        spent.tokens_in, spent.tokens_out = 10, 5
    async with metering.spending(who, "op", "", request_bytes=40, answer=100):
        pass


async def test_an_answer_that_may_be_longer_than_a_minutes_takes_the_whole_minute(
    database: Database, metering: Metering, who: Principal
) -> None:
    database.write_now(set_limits, who.tenant, Limits(tokens_per_minute=200))
    async with metering.spending(who, "op", "", request_bytes=40, answer=4_000):
        with pytest.raises(RateLimited, match="tokens"):
            async with metering.spending(who, "op", "", request_bytes=40):
                pass


async def test_a_spent_budget_refuses_at_once_and_says_when_it_ends(
    database: Database, metering: Metering, who: Principal, clocks: Clocks
) -> None:
    database.write_now(set_limits, who.tenant, Limits(budget=2.0, period="day"))
    await spend(metering, who, 999_999, 0)
    await spend(metering, who, 1, 0)
    with pytest.raises(BudgetSpent, match="budget of 2 for the day") as refused:
        await spend(metering, who, 1, 0)
    assert refused.value.retry_after == 12 * 3600


async def test_another_process_sees_what_was_spent(
    database: Database, metering: Metering, who: Principal, clocks: Clocks
) -> None:
    database.write_now(set_limits, who.tenant, Limits(budget=2.0))
    await spend(metering, who, 2_000_000, 0)
    await metering.totals(who, TODAY, TODAY)
    other = metering_of(database, UsageMeter(database), clocks)
    with pytest.raises(BudgetSpent):
        await spend(other, who, 1, 0)


async def test_a_raised_budget_counts_within_seconds(
    database: Database, metering: Metering, who: Principal, clocks: Clocks
) -> None:
    database.write_now(set_limits, who.tenant, Limits(budget=1.0))
    await spend(metering, who, 2_000_000, 0)
    database.write_now(set_limits, who.tenant, Limits(budget=100.0))
    with pytest.raises(BudgetSpent):
        await spend(metering, who, 1, 0)
    clocks.ticks += 3
    await spend(metering, who, 1, 0)


async def test_what_is_stored_meanwhile_is_neither_lost_nor_forgotten(
    database: Database, metering: Metering, usage: UsageMeter, who: Principal, clocks: Clocks
) -> None:
    """Two readings of the ledger overlap, and something is spent between them."""
    database.write_now(set_limits, who.tenant, Limits(budget=2.0))
    await spend(metering, who, 1, 0)
    clocks.ticks += 3
    read, opened, held = database.read, asyncio.Event(), asyncio.Event()

    async def late(*arguments: Any) -> Any:
        answer = await read(*arguments)
        if not held.is_set():
            held.set()
            await opened.wait()
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "read", late)
        slow = asyncio.create_task(spend(metering, who, 0, 0))
        await held.wait()
        await spend(metering, who, 2_000_000, 0)
        opened.set()
        await asyncio.gather(slow, return_exceptions=True)
    with pytest.raises(BudgetSpent):
        await spend(metering, who, 1, 0)


async def test_without_the_ledger_nothing_is_spent(
    database: Database,
    metering: Metering,
    who: Principal,
    clocks: Clocks,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    database.write_now(set_limits, who.tenant, Limits(budget=100.0))
    await spend(metering, who, 1, 0)
    clocks.ticks += 3

    async def broken(*_: object) -> None:
        raise Unavailable("The database is away.")

    monkeypatch.setattr(database, "read", broken)
    with pytest.raises(Unavailable, match="cannot be read"):
        await spend(metering, who, 1, 0)
