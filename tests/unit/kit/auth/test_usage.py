"""Usage adds up, per tenant, and survives a database that fails for a while."""

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from kit.auth.usage import Usage, UsageMeter
from kit.database import Database
from kit.errors import Unavailable


def today() -> date:
    return datetime.now(UTC).date()


async def totals(meter: UsageMeter, tenant: str) -> list[Usage]:
    return await meter.totals(tenant, today() - timedelta(days=1), today())


async def test_counts_of_two_processes_add_up_and_tenants_stay_apart(database: Database) -> None:
    first, second = UsageMeter(database), UsageMeter(database)
    for meter in (first, second):
        meter.add("t1", "bedrock-runtime:InvokeModel", "titan", tokens_in=5)
        meter.add("t1", "bedrock-runtime:InvokeModel", "titan", requests=0, tokens_out=7)
        meter.add("t2", "s3:GetObject")
        await meter.flush()
    (mine,) = await totals(first, "t1")
    assert (mine.requests, mine.tokens_in, mine.tokens_out) == (2, 10, 14)
    (theirs,) = await totals(first, "t2")
    assert (theirs.operation, theirs.model, theirs.requests) == ("s3:GetObject", "", 2)


async def test_counts_are_stored_by_themselves_and_on_close(database: Database) -> None:
    meter = UsageMeter(database, interval=0.02)
    meter.start()
    meter.add("t1", "op")
    await asyncio.sleep(0.3)
    assert (await totals(meter, "t1"))[0].requests == 1
    meter.add("t1", "op")
    await meter.close()
    assert (await totals(meter, "t1"))[0].requests == 2


async def test_a_failed_store_loses_no_count(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise Unavailable("The database does not answer now.")

    meter = UsageMeter(database)
    meter.add("t1", "op", tokens_in=3)
    with monkeypatch.context() as patch:
        patch.setattr(database, "write", fail)
        with pytest.raises(Unavailable):
            await meter.flush()
    meter.add("t1", "op", tokens_in=4)
    await meter.flush()
    assert (await totals(meter, "t1"))[0].tokens_in == 7


@pytest.fixture
def gate(database: Database, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Writes wait until it is set."""
    opened = asyncio.Event()
    write: Callable[..., Any] = database.write

    async def waiting(*arguments: Any) -> Any:
        await opened.wait()
        return await write(*arguments)

    monkeypatch.setattr(database, "write", waiting)
    return opened


async def test_a_caller_who_leaves_takes_no_count_along(
    database: Database, gate: asyncio.Event
) -> None:
    meter = UsageMeter(database)
    meter.add("t1", "op")
    leaving = asyncio.create_task(meter.flush())
    await asyncio.sleep(0.01)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    gate.set()
    await meter.flush()
    assert (await totals(meter, "t1"))[0].requests == 1


async def test_a_store_that_is_under_way_is_waited_for(
    database: Database, gate: asyncio.Event
) -> None:
    """Whoever reads the ledger after it finds all that was counted before it."""
    meter = UsageMeter(database)
    meter.add("t1", "op")
    first = asyncio.create_task(meter.flush())
    await asyncio.sleep(0.01)
    without_more = asyncio.create_task(meter.flush())
    await asyncio.sleep(0.01)
    meter.add("t1", "op")
    with_more = [asyncio.create_task(meter.flush()) for _ in range(3)]
    await asyncio.sleep(0.01)
    assert not without_more.done()
    gate.set()
    await asyncio.gather(first, without_more, *with_more)
    assert (await totals(meter, "t1"))[0].requests == 2
