"""How much each tenant used: counted in memory, stored once a second."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, TypeAlias

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from kit.auth.tables import USAGE
from kit.auth.text import storable
from kit.database import Database
from kit.errors import PlatformError

log = logging.getLogger(__name__)

_COUNTS = ("requests", "tokens_in", "tokens_out", "cost")
_Key: TypeAlias = tuple[str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class Usage:
    """A tenant's use of one operation, model and adapter on one UTC day; both may be empty.

    `adapter` is a digest; `cost` is in billionths of the platform's currency.
    """

    day: date
    operation: str
    model: str
    requests: int
    tokens_in: int
    tokens_out: int
    adapter: str = ""
    cost: int = 0


class UsageMeter:
    """`add` never waits. Counts that could not be stored are kept and stored with the next ones."""

    def __init__(self, database: Database, interval: float = 1.0) -> None:
        self._database, self._interval = database, interval
        self._counts: dict[_Key, list[int]] = {}
        self._loop: asyncio.Task[None] | None = None
        self._storing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to store every `interval` seconds; needs a running event loop."""
        self._loop = asyncio.create_task(self._run())

    def add(
        self,
        tenant: str,
        operation: str,
        model: str = "",
        *,
        adapter: str = "",
        requests: int = 1,
        tokens_in: int = 0,
        tokens_out: int = 0,
        cost: int = 0,
    ) -> None:
        """Tokens that are known only later are added with `requests=0`."""
        day = datetime.now(UTC).date().isoformat()
        key = (tenant, day, operation, storable(model), adapter)
        counts = self._counts.get(key)
        if counts is None:
            counts = self._counts[key] = [0] * len(_COUNTS)
        counts[0] += requests
        counts[1] += tokens_in
        counts[2] += tokens_out
        counts[3] += cost

    async def totals(self, tenant: str, start: date, end: date) -> list[Usage]:
        """What was stored for the days from `start` to `end`, both included."""
        return await self._database.read(read_totals, tenant, start, end)

    async def flush(self) -> None:
        """Returns once all that was counted before the call is stored.

        Whoever waits may be cancelled; the counts are everybody's, so storing them goes on.
        Raises the database's error, and keeps the counts then.
        """
        if self._storing is not None:
            await asyncio.wait([self._storing])  # it began too early to have all of them
        if self._storing is None or self._storing.done():
            if not self._counts:
                return
            self._storing = asyncio.create_task(self._store())
        await asyncio.shield(self._storing)

    async def _store(self) -> None:
        counts, self._counts = self._counts, {}
        try:
            await self._database.write(add_usage, sorted(counts.items()))
        except (PlatformError, SQLAlchemyError):
            for key, missed in counts.items():
                later = self._counts.setdefault(key, [0] * len(_COUNTS))
                self._counts[key] = [a + b for a, b in zip(later, missed, strict=True)]
            raise

    async def close(self) -> None:
        """Stores the last counts."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        await self.flush()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self.flush()
            except (PlatformError, SQLAlchemyError) as error:
                log.warning("Usage is not stored yet: %s", error)


def add_usage(connection: Connection, counts: Sequence[tuple[_Key, Sequence[int]]]) -> None:
    """Adds to the rows; sorted keys, so that two processes cannot deadlock."""
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    insert: Any = make(USAGE)
    sums = {name: USAGE.c[name] + insert.excluded[name] for name in _COUNTS}
    insert = insert.on_conflict_do_update(index_elements=list(USAGE.primary_key), set_=sums)
    rows = [
        dict(zip((*USAGE.primary_key.columns.keys(), *_COUNTS), (*key, *values), strict=True))
        for key, values in counts
    ]
    connection.execute(insert, rows)


def read_totals(connection: Connection, tenant: str, start: date, end: date) -> list[Usage]:
    query = (
        select(USAGE)
        .where(USAGE.c.tenant == tenant, USAGE.c.day.between(start.isoformat(), end.isoformat()))
        .order_by(USAGE.c.day, USAGE.c.operation, USAGE.c.model, USAGE.c.adapter)
    )
    return [
        Usage(
            date.fromisoformat(row.day), row.operation, row.model,
            row.requests, row.tokens_in, row.tokens_out, row.adapter, row.cost,
        )
        for row in connection.execute(query)
    ]  # fmt: skip
