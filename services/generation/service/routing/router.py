"""Gives each request a seat on a replica that has its adapter, in turn, or says at once why not."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import TypeAlias, TypeVar

from kit.errors import (
    DeadlineExceeded,
    Interrupted,
    NotReady,
    PlatformError,
    TookTooLong,
    Unavailable,
    UpstreamFailed,
)
from kit.telemetry import RETRIES, ROUTING_REFUSALS
from services.generation.ports import Asked, Fleet, Replica, Usable
from services.generation.service.routing.admin import (
    AdapterAdmin,
    AdapterMissing,
    AdapterUnusable,
    RequestBroke,
)
from services.generation.service.routing.line import Line, Seat
from services.generation.service.routing.policy import Policy

log = logging.getLogger(__name__)
Reply = TypeVar("Reply")
Desired: TypeAlias = Callable[[], Awaitable[Sequence[Usable]]]
_DEFAULT = Policy()
_REPLICAS_FAULTS = (Unavailable, UpstreamFailed, DeadlineExceeded)


class Router:
    """One line of requests for each model. `start` needs a running event loop."""

    def __init__(
        self,
        fleet: Fleet,
        admin: AdapterAdmin,
        policy: Policy = _DEFAULT,
        clock: Callable[[], float] = monotonic,
        *,
        desired: Desired | None = None,
    ) -> None:
        """`desired` tells of every adapter that may be used; the rest is drained and unloaded."""
        self._desired = desired
        self._fleet, self._admin, self._policy, self._clock = fleet, admin, policy, clock
        self._lines: dict[str, Line] = {}
        self._loop: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def begun(
        self, asked: Asked, begin: Callable[[Seat], Awaitable[Reply]]
    ) -> AsyncIterator[tuple[Seat, Reply]]:
        """A replica's reply that has begun, and its place, which falls free at the end.

        `begin` asks the seat's replica, and raises AdapterMissing where that lacks the adapter.
        What fails before a reply has begun is tried elsewhere, while there is a budget for it.
        Raises RateLimited where the tenant has too much in line, Unavailable and NotReady at once
        where waiting is in vain, and what `begin` raises; Interrupted, once that was, before these:
        whoever asks must learn that the request was under way.
        """
        line, tried, tries = self.line(asked.model.id), frozenset[str](), 0
        interrupted: Interrupted | None = None
        line.retries.earn()
        while True:
            async with self._seat(line, asked, tried, interrupted) as seat:
                try:
                    reply = await self._begin(line, seat, begin)
                except Unavailable as error:
                    tries += 1
                    if tries >= self._policy.attempts or not line.retries.spend():
                        if interrupted is not None:
                            raise interrupted from error
                        raise
                    interrupted = error if isinstance(error, Interrupted) else interrupted
                    seat.verdict, tried = False, tried | {seat.replica.id}
                else:
                    line.replied(seat)
                    yield seat, reply
                    return
            RETRIES.inc()
            await asyncio.sleep(secrets.randbelow(100) / 1000)

    @asynccontextmanager
    async def _seat(
        self, line: Line, asked: Asked, avoid: frozenset[str], interrupted: Interrupted | None
    ) -> AsyncIterator[Seat]:
        try:
            self._check_ready(asked.model.id)
            seat = await line.wait_for(asked, avoid)
        except PlatformError as error:
            ROUTING_REFUSALS.labels(error.code).inc()
            if interrupted is not None:
                raise interrupted from error
            raise
        try:
            yield seat
            seat.verdict = seat.verdict is not False
        except (RequestBroke, TookTooLong):  # else a few requests of one tenant would shut a
            raise  # server to all
        except PlatformError as error:
            seat.verdict = not isinstance(error, _REPLICAS_FAULTS) or isinstance(
                error, AdapterUnusable
            )
            raise
        finally:
            line.leave(seat)

    async def _begin(
        self, line: Line, seat: Seat, begin: Callable[[Seat], Awaitable[Reply]]
    ) -> Reply:
        await line.equip(seat)
        try:
            return await begin(seat)
        except AdapterMissing:
            await line.equip(seat, again=True)
            return await begin(seat)

    def line(self, model: str) -> Line:
        line = self._lines.get(model)
        if line is None:
            line = Line(model, self._fleet, self._admin, self._policy, self._clock)
            self._lines[model] = line
        return line

    def replicas(self, model: str) -> Sequence[Replica]:
        """Those that are ready, for what takes no place; raises as `begun` where there is none."""
        self._check_ready(model)
        return self.line(model).replicas

    def start(self, models: Iterable[str]) -> None:
        """Begins to bring replicas of these models, and of those asked for, to what they need."""
        for model in models:
            self.line(model)
        self._loop = asyncio.create_task(self._reconcile())

    async def reconcile(self) -> None:
        """Once: what each replica has, against what it should have."""
        usable = None if self._desired is None else await self._desired()
        await asyncio.gather(
            *(
                line.reconcile(None if usable is None else [u for u in usable if u.model == model])
                for model, line in self._lines.items()
            )
        )
        await self._admin.keep(set().union(*(line.in_use() for line in self._lines.values())))

    async def close(self) -> None:
        if self._loop is not None:
            self._loop.cancel()
            with suppress(asyncio.CancelledError):
                await self._loop
        for line in self._lines.values():
            await line.close()

    async def _reconcile(self) -> None:
        while True:
            try:
                await self.reconcile()
            except PlatformError as error:  # of the registry's database; a line logs its own
                log.warning("Adapters are not reconciled now: %s", error)
            except Exception:  # a bug must not end this for every model and for good
                log.exception("Adapters could not be reconciled")
            await asyncio.sleep(self._policy.reconciled_every)

    def _check_ready(self, model: str) -> None:
        if self._fleet.replicas(model):
            return
        state = self._fleet.state(model)
        if state.status in ("starting", "ready"):
            raise NotReady(
                f"The model {model} is starting; try again in {state.retry_after:.0f} seconds.",
                retry_after=state.retry_after,
            )
        if state.status == "failed":
            log.error("The model %s cannot be served: %s", model, state.reason)
            raise Unavailable(
                f"The model {model} could not be started; the operator's log says why.",
                retry_after=max(state.retry_after, 1.0),
            )
        raise Unavailable(
            f"The model {model} is stopped: no endpoint or option asks for it. Create an endpoint "
            "or an inference component for it, or start the platform with --model.",
            retry_after=state.retry_after,
        )
