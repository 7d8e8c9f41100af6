"""The loop that makes what runs follow the rows, from wherever the last process left off."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from time import monotonic

from sqlalchemy import Connection

from kit.database import Database, clock
from kit.errors import NotReady, PlatformError, Unavailable
from services.generation.repository.hosting.rows import (
    DEPLOYMENTS,
    ON_ITS_WAY,
    Record,
    found,
    serving,
    unsettled,
)
from services.generation.service.hosting.demands import Demands
from services.generation.service.hosting.deploying import Deploying
from services.generation.service.hosting.deployments import SEEN, Deployment
from services.generation.service.hosting.leading import Leading
from services.generation.service.hosting.moving import settle_endpoint

_log = logging.getLogger(__name__)
_WHILE_MOVING = 0.2
_AT_REST = 2.0
_LOOKS_ON = 1.0
"""Seconds that a look waits for its steps: a slow archive is fetched beside the looks after it."""
_STEPS_OF_TENANT = 4
PAUSE = 5.0
"""Seconds until a step that met a trouble is tried again: it may begin with a large archive."""
_Place = tuple[str, str, str]


class Reconciler:
    """`wake` it after a change, so that nobody waits for the next look.

    In every process the fleet follows the rows; what becomes of them is written by one of them.
    """

    def __init__(
        self, database: Database, deploying: Deploying, demands: Demands, seen: float = SEEN
    ) -> None:
        self._database = database
        self._deploying = deploying
        self._demands = demands
        self._seen = seen
        self._leading = Leading(database)
        self._changed = asyncio.Event()
        self._steps: dict[_Place, asyncio.Task[None]] = {}
        self._pauses: dict[_Place, tuple[str, float]] = {}
        """By row, the revision that met a trouble, and until when it rests."""
        self._turns = defaultdict[str, asyncio.Semaphore](
            lambda: asyncio.Semaphore(_STEPS_OF_TENANT)
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        loop = asyncio.create_task(self._run(), name="hosting")
        try:
            yield
        finally:
            loop.cancel()
            await asyncio.gather(loop, return_exceptions=True)
            await self._stop()
            with suppress(Unavailable):
                await self._leading.leave()

    def wake(self) -> None:
        self._changed.set()

    async def tick(self) -> bool:
        """One look at every row, and a step of each that is on its way; whether there are such."""
        self._demands.looking()
        moving, resting = await self._database.read(_rows)
        rows = [*moving, *resting]
        deployments = [Deployment(row) for row in rows if row.kind in DEPLOYMENTS]
        await self._demands.release_others(deployments)
        leads = bool(rows) and await self._leading.is_mine()
        for one in deployments:
            if not leads or one.row.status in ON_ITS_WAY:
                async with _guarded(one.row):
                    await self._demands.follow(one)
        if leads:
            await self._lead(moving, resting)
        else:
            await self._stop()
        return bool(moving)

    async def _lead(self, moving: list[Record], resting: list[Record]) -> None:
        places = {_place(row) for row in moving}
        self._pauses = {place: told for place, told in self._pauses.items() if place in places}
        for row in moving:
            self._begin(row)
        if self._steps:
            await asyncio.wait(self._steps.values(), timeout=_LOOKS_ON)
        for row in resting:
            async with _guarded(row):
                await self._watch(row)

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            pause = _WHILE_MOVING
            try:
                pause = _WHILE_MOVING if await self.tick() else _AT_REST
            except PlatformError as error:
                _log.warning("hosting waits: %s", error.message)
            except Exception:  # noqa: BLE001 - it serves every tenant, and goes on
                _log.exception("hosting broke")
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._changed.wait()

    async def _stop(self) -> None:
        """Of steps that another process does now, or nobody."""
        steps = [*self._steps.values()]
        for step in steps:
            step.cancel()
        await asyncio.gather(*steps, return_exceptions=True)

    def _begin(self, row: Record) -> None:
        """A row takes one step at a time; a new wish for it ends its pause."""
        place = _place(row)
        revision, until = self._pauses.get(place, ("", 0.0))
        is_paused = revision == row.revision and monotonic() < until
        if place not in self._steps and not is_paused:
            step = asyncio.create_task(self._move(row), name=f"hosting {row.name}")
            self._steps[place] = step
            step.add_done_callback(lambda _: self._steps.pop(place))

    async def _move(self, seen: Record) -> None:
        """By what the row says once it is its turn: it may have waited for minutes."""
        async with self._turns[seen.tenant]:
            goes_on = False
            async with _guarded(seen):
                goes_on = await self._step(seen)
            if not goes_on:
                pause = min(PAUSE, seen.spec.get("patience", PAUSE))
                self._pauses[_place(seen)] = (seen.revision, monotonic() + pause)

    async def _step(self, seen: Record) -> bool:
        now, row = await self._database.read(_again, seen)
        if row is None or row.status not in ON_ITS_WAY:
            return True
        try:
            if row.kind in DEPLOYMENTS:
                return await self._deploying.step(Deployment(row), now)
            await self._database.write(settle_endpoint, row, self._seen)
        except NotReady:  # it waits for another row, and the next look may find that one settled
            return True
        return True

    async def _watch(self, row: Record) -> None:
        if await self._deploying.watch(Deployment(row)) and row.kind == "variant":
            await self._database.write(_settle_endpoint_of, row)


@asynccontextmanager
async def _guarded(row: Record) -> AsyncIterator[None]:
    """One tenant's trouble holds nobody else up."""
    try:
        yield
    except PlatformError as error:
        _log.warning("%s %s waits: %s", row.kind, row.name, error.message)
    except Exception:  # noqa: BLE001 - a bug that one row finds is told, and no other row's
        _log.exception("%s %s broke", row.kind, row.name)


def _place(row: Record) -> _Place:
    return row.tenant, row.kind, row.name


def _rows(connection: Connection) -> tuple[list[Record], list[Record]]:
    return unsettled(connection), serving(connection)


def _again(connection: Connection, seen: Record) -> tuple[float, Record | None]:
    return clock(connection), found(connection, seen.tenant, seen.kind, seen.name)


def _settle_endpoint_of(connection: Connection, variant: Record) -> None:
    """The endpoint of a variant at rest, whose status has changed."""
    endpoint = found(connection, variant.tenant, "endpoint", variant.endpoint)
    if endpoint is not None and endpoint.status in ("InService", "Failed"):
        settle_endpoint(connection, endpoint)
