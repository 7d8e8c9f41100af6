"""The audit log: many events a transaction, none lost silently, in a chain that shows tampering."""

import asyncio
import logging
from collections import deque
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from kit.auth import audit_chain
from kit.auth.audit_chain import AuditEvent, Entry, Problem
from kit.auth.audit_heads import HeadsFile
from kit.database import Database
from kit.errors import PlatformError, Unavailable

log = logging.getLogger(__name__)

_MOST_WAITING = 20_000
_BATCH = 2_000
_LINGER = 0.1  # seconds for which notes gather; a recorded event is written at once
_RETRY = 1.0
PUBLISH_EVERY = 60.0


@dataclass(slots=True)
class _Waiting:
    entry: Entry
    stored: asyncio.Future[None] | None


class AuditLog:
    """One per process; `start` it in the loop that uses it, `close` it to store what waits."""

    def __init__(
        self,
        database: Database,
        key: bytes,
        heads: HeadsFile,
        *,
        publish_every: float = PUBLISH_EVERY,
        most_waiting: int = _MOST_WAITING,
    ) -> None:
        self._database, self._key, self._heads = database, key, heads
        self._publish_every, self._most_waiting = publish_every, most_waiting
        self._waiting: deque[_Waiting] = deque()
        self._some = asyncio.Event()
        self._urgent = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._write()), asyncio.create_task(self._publish())]

    async def record(self, event: AuditEvent) -> None:
        """Returns once the event is durable: for whatever changes state.

        Raises the database's error when it could not be stored yet; it is kept and tried again.
        """
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self._enqueue(_Waiting(event.entry(), stored))
        self._urgent.set()
        await stored

    async def note(self, event: AuditEvent) -> None:
        """Returns at once, unless the queue is full: then it waits for room. For reads."""
        await self._enqueue(_Waiting(event.entry(), None))

    async def verify(self, tenant: str) -> list[Problem]:
        """What is wrong with the tenant's chain; an empty list where nothing is."""
        return await self._database.read(verify_tenant, self._key, self._heads, tenant)

    async def close(self) -> None:
        """Stores what waits and publishes the heads. Raises when the database does not take it."""
        self._closing = True
        self._some.set()
        self._urgent.set()
        if self._tasks:
            writer, publisher = self._tasks
            publisher.cancel()
            await asyncio.gather(publisher, return_exceptions=True)
            await writer
        await self._publish_once()

    async def _enqueue(self, waiting: _Waiting) -> None:
        if self._closing:
            raise Unavailable("This process is shutting down.", retry_after=1)
        while len(self._waiting) >= self._most_waiting:
            self._room.clear()
            self._urgent.set()
            await self._room.wait()
        self._waiting.append(waiting)
        self._some.set()

    async def _write(self) -> None:
        while self._waiting or not self._closing:
            await self._some.wait()
            await self._linger()
            self._some.clear()
            self._urgent.clear()
            if len(self._waiting) > _BATCH:
                self._urgent.set()  # someone behind this batch may be waiting for the disk
            await self._write_batch()
            if self._waiting:
                self._some.set()

    async def _linger(self) -> None:
        try:
            async with asyncio.timeout(_LINGER):
                await self._urgent.wait()
        except TimeoutError:
            return

    async def _write_batch(self) -> None:
        batch = [self._waiting[i] for i in range(min(_BATCH, len(self._waiting)))]
        if not batch:
            return
        entries = [waiting.entry for waiting in batch]
        try:
            await self._database.write(audit_chain.append, self._key, entries)
        except (PlatformError, SQLAlchemyError) as error:
            log.warning("%d audit events are not stored yet: %s", len(batch), error)
            _settle(batch, Unavailable("The audit log cannot be written now.", retry_after=_RETRY))
            if self._closing:
                raise
            await asyncio.sleep(_RETRY)
            return
        for _ in batch:
            self._waiting.popleft()
        self._room.set()
        _settle(batch, None)

    async def _publish(self) -> None:
        while True:
            await asyncio.sleep(self._publish_every)
            try:
                await asyncio.shield(self._publish_once())
            except (PlatformError, OSError) as error:
                log.error("The audit heads could not be published: %s", error)  # noqa: TRY400

    async def _publish_once(self) -> None:
        for tenant in await self._database.read(self._heads.publish):
            log.error("The audit trail of tenant %s lost entries that were published.", tenant)


def verify_tenant(
    connection: Connection, key: bytes, heads: HeadsFile, tenant: str
) -> list[Problem]:
    """For the CLI: `database.read_now(verify_tenant, keyring.audit, heads, tenant)`."""
    return audit_chain.verify(connection, key, tenant, heads.read().get(tenant))


def _settle(batch: list[_Waiting], error: PlatformError | None) -> None:
    for waiting in batch:
        if waiting.stored is None or waiting.stored.done():
            continue
        if error is None:
            waiting.stored.set_result(None)
        else:
            waiting.stored.set_exception(error)
