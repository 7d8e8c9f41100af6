"""The loop that makes what runs follow the rows, from wherever the last process left off."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from sqlalchemy import Connection

from kit.database import Database, clock
from kit.errors import PlatformError
from services.generation.repository.hosting.rows import (
    DEPLOYMENTS,
    Record,
    found,
    note,
    remove,
    serving,
    unsettled,
    within,
)
from services.generation.service.hosting.deploying import Deploying
from services.generation.service.hosting.deployments import Deployment

_log = logging.getLogger(__name__)
_WHILE_MOVING = 0.2
_AT_REST = 2.0
_LOOKS_ON = 1.0
"""Seconds that a look waits for its steps: a slow archive is fetched beside the looks after it."""
_STEPS_OF_TENANT = 4


class Reconciler:
    """`wake` it after a change, so that nobody waits for the next look."""

    def __init__(self, database: Database, deploying: Deploying) -> None:
        self._database = database
        self._deploying = deploying
        self._changed = asyncio.Event()
        self._steps: dict[tuple[str, str, str], asyncio.Task[None]] = {}
        self._turns = defaultdict[str, asyncio.Semaphore](
            lambda: asyncio.Semaphore(_STEPS_OF_TENANT)
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        loop = asyncio.create_task(self._run(), name="hosting")
        try:
            yield
        finally:
            ending = [loop, *self._steps.values()]
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)

    def wake(self) -> None:
        self._changed.set()

    async def tick(self) -> bool:
        """One look at every row, and a step of each that is on its way; whether there are such."""
        now, moving, resting = await self._database.read(_rows)
        for row in moving:
            self._begin(row, now)
        if self._steps:
            await asyncio.wait(self._steps.values(), timeout=_LOOKS_ON)
        for row in resting:
            async with _guarded(row):
                await self._keep(row)
        return bool(moving)

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

    def _begin(self, row: Record, now: float) -> None:
        """A row takes one step at a time."""
        place = (row.tenant, row.kind, row.name)
        if place not in self._steps:
            step = asyncio.create_task(self._move(row, now), name=f"hosting {row.name}")
            self._steps[place] = step
            step.add_done_callback(lambda _: self._steps.pop(place))

    async def _move(self, row: Record, now: float) -> None:
        async with self._turns[row.tenant], _guarded(row):
            if row.kind in DEPLOYMENTS:
                await self._deploying.step(Deployment(row), now)
            else:
                await self._database.write(_follow, row)

    async def _keep(self, row: Record) -> None:
        if await self._deploying.keep(Deployment(row)) and row.kind == "variant":
            await self._database.write(_followed, row)


@asynccontextmanager
async def _guarded(row: Record) -> AsyncIterator[None]:
    """One tenant's trouble holds nobody else up."""
    try:
        yield
    except PlatformError as error:
        _log.warning("%s %s waits: %s", row.kind, row.name, error.message)
    except Exception:  # noqa: BLE001 - a bug that one row finds is told, and no other row's
        _log.exception("%s %s broke", row.kind, row.name)


def _rows(connection: Connection) -> tuple[float, list[Record], list[Record]]:
    return clock(connection), unsettled(connection), serving(connection)


def _followed(connection: Connection, variant: Record) -> None:
    """The endpoint of a variant at rest, whose status has changed."""
    endpoint = found(connection, variant.tenant, "endpoint", variant.endpoint)
    if endpoint is not None and endpoint.status in ("InService", "Failed"):
        _follow(connection, endpoint)


def _follow(connection: Connection, endpoint: Record) -> None:
    """An endpoint is what its variants are."""
    parts = within(connection, endpoint.tenant, endpoint.name)
    if endpoint.status == "Deleting":
        if not parts:
            remove(connection, endpoint.tenant, "endpoint", endpoint.name)
        return
    variants = [part for part in parts if part.kind == "variant" and part.status != "Deleting"]
    failed = next((part for part in variants if part.status == "Failed"), None)
    if failed is not None:
        note(connection, endpoint, status="Failed", reason=f"{failed.variant}: {failed.reason}")
    elif all(part.status == "InService" for part in variants):
        reason = next((f"{part.variant}: {part.reason}" for part in variants if part.reason), "")
        note(connection, endpoint, status="InService", reason=reason)
