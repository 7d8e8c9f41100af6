"""The requests for one model: who waits, and who runs where."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from kit.errors import RateLimited, Unavailable
from kit.telemetry import OPEN_BREAKERS, OUTSTANDING, QUEUED, RESIDENT
from services.generation.ports import AdapterRef, Asked, Fleet, Replica, Usable
from services.generation.service.routing.admin import AdapterAdmin
from services.generation.service.routing.estimate import tokens_of
from services.generation.service.routing.fairness import Ticket
from services.generation.service.routing.placement import Placement
from services.generation.service.routing.policy import Policy
from services.generation.service.routing.residents import Residents
from services.generation.service.routing.retries import RetryBudget
from services.generation.service.routing.seats import Seats
from services.generation.service.routing.speed import Speed

_GLANCE = 0.1
"""Seconds between looks at the fleet while requests wait."""


@dataclass(slots=True, eq=False)
class Waiting:
    ticket: Ticket
    avoid: frozenset[str]
    seats: asyncio.Future[Seats]


@dataclass(slots=True, eq=False)
class Seat:
    """A place on a replica; whoever sits there says what was used, and how it went."""

    asked: Asked
    ticket: Ticket
    at: Seats
    used: int | None = None
    verdict: bool | None = field(default=None)
    """Whether the replica did its part; None where the caller left before that showed."""

    @property
    def replica(self) -> Replica:
        return self.at.replica


class Line:
    """Everything here runs in one event loop; nothing waits between a look and its consequence."""

    def __init__(
        self,
        model: str,
        fleet: Fleet,
        admin: AdapterAdmin,
        policy: Policy,
        clock: Callable[[], float],
    ) -> None:
        self._model, self._fleet = model, fleet
        self._policy, self._clock = policy, clock
        self._residents = Residents(admin, policy, clock)
        self._placement = Placement(self._residents.has, clock)
        self._speed = Speed(clock())
        self._waiting: dict[Ticket, Waiting] = {}
        self._looking: asyncio.Task[None] | None = None
        self.retries = RetryBudget()

    async def wait_for(self, asked: Asked, avoid: frozenset[str]) -> Seat:
        """Raises RateLimited and Unavailable at once where waiting is in vain."""
        self._look()
        digest = asked.adapter.digest if asked.adapter else ""
        request = asked.request
        tokens = tokens_of(request, self._policy.typical_output)
        ticket = Ticket(asked.tenant, digest, tokens, request.n, request.background)
        self._admit(ticket)
        if asked.adapter:
            self._residents.asked_for(asked.adapter)
        waiting = Waiting(ticket, avoid, asyncio.get_running_loop().create_future())
        self._waiting[ticket] = waiting
        self._placement.queues.of(ticket).add(ticket)
        self._grant()
        if not waiting.seats.done() and asked.adapter:
            self._prefetch(ticket, asked.adapter)
        return Seat(asked, ticket, await self._seats(waiting))

    async def equip(self, seat: Seat, *, again: bool = False) -> None:
        """The replica has the seat's adapter when this returns; `again` if it turned out not to."""
        if seat.asked.adapter is None:
            return
        residency = self._residents.on(seat.at)
        if again:
            residency.lost(seat.ticket.adapter)
        await residency.ensure(seat.asked.adapter)

    def replied(self, seat: Seat) -> None:
        """Its answer has begun: where that was a probe, those who wait may follow."""
        if seat.at.breaker.is_open:
            seat.at.replied(seat.ticket)
            self._grant()

    def leave(self, seat: Seat) -> None:
        ticket, now = seat.ticket, self._clock()
        self._speed.passed(now, is_busy=True)
        if seat.used is not None:
            self._speed.done(seat.used)
        seat.at.free(ticket, now, seat.verdict)
        # A request that was not served costs nothing; one that was left costs what it took.
        self._placement.queues.of(ticket).settle(ticket, seat.used or 0)
        self._grant()

    @property
    def replicas(self) -> Sequence[Replica]:
        return self._fleet.replicas(self._model)

    def in_use(self) -> set[str]:
        """The ids of the replicas that are ready, or still answer somebody."""
        self._look()
        return self._placement.in_use()

    async def reconcile(self, usable: Sequence[Usable] | None) -> None:
        """Brings adapters to where they should be, and takes those away that are not `usable`."""
        self._look()
        await self._residents.reconcile(list(self._placement.seats.values()), usable)
        self._grant()

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
        await self._residents.close()

    def _admit(self, ticket: Ticket) -> None:
        policy, ahead = self._policy, self._placement.queues.ahead(ticket)
        if (pause := self._placement.wait()) > 0:
            raise Unavailable(
                f"The servers of {self._model} do not answer; try again.",
                retry_after=min(max(pause, 1.0), 30.0),
            )
        needed = self._speed.seconds_for(ahead.tokens + ticket.tokens)
        retry_after = min(max(needed, 1.0), policy.patience)
        if ahead.own >= policy.tenant_queue or (ahead.own and needed > policy.patience):
            raise RateLimited(
                f"{ahead.own} requests of this tenant wait for {self._model} already; "
                "try again later.",
                retry_after=retry_after,
            )
        if ahead.requests >= policy.queue or (ahead.requests and needed > policy.patience):
            raise Unavailable(
                f"More is asked of {self._model} than it can do; try again later.",
                retry_after=retry_after,
            )

    async def _seats(self, waiting: Waiting) -> Seats:
        try:
            if not waiting.seats.done():
                self._keep_looking()
            async with asyncio.timeout(self._policy.patience):
                return await waiting.seats
        except BaseException as error:
            self._withdraw(waiting)
            if isinstance(error, TimeoutError):
                raise Unavailable(
                    f"{self._model} had no time for this request; try again.", retry_after=1
                ) from None
            raise

    def _withdraw(self, waiting: Waiting) -> None:
        """The caller waits no longer; a place that was given meanwhile goes to the next."""
        if self._waiting.pop(waiting.ticket, None) is not None:
            self._placement.queues.of(waiting.ticket).remove(waiting.ticket)
        elif _has_result(waiting.seats):
            self._give_back(waiting.ticket, waiting.seats.result())
        self._grant()

    def _give_back(self, ticket: Ticket, seats: Seats) -> None:
        """Of a caller who never sat down."""
        seats.free(ticket, self._clock())
        self._placement.queues.of(ticket).settle(ticket, 0)

    def _grant(self) -> None:
        self._speed.passed(self._clock(), is_busy=self._placement.running > 0)
        for ticket, seats in self._placement.grants(lambda ticket: self._waiting[ticket].avoid):
            waiting = self._waiting.pop(ticket)
            if waiting.seats.done():  # its caller left, and has had no time to say so
                self._give_back(ticket, seats)
            else:
                waiting.seats.set_result(seats)
        self._tell()

    def _tell(self) -> None:
        queued, running = len(self._placement.queues), self._placement.running
        self._fleet.outstanding(self._model, queued + running)
        OUTSTANDING.labels(self._model).set(running)
        QUEUED.labels(self._model).set(queued)
        RESIDENT.labels(self._model).set(len(self._residents))
        is_open = (seats.breaker.is_open for seats in self._placement.seats.values())
        OPEN_BREAKERS.labels(self._model).set(sum(is_open))

    def _look(self) -> None:
        """Takes over which replicas are ready."""
        self._placement.know(self._fleet.replicas(self._model))
        self._residents.forget_all_but(self._placement.seats.keys())

    def _keep_looking(self) -> None:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._while_some_wait())

    async def _while_some_wait(self) -> None:
        """Replicas come, go and recover without anybody telling; nobody waits for none at all."""
        while self._waiting:
            await asyncio.sleep(_GLANCE)
            self._look()
            self._grant()
            if self._placement.wait() and not self._placement.running:
                self._turn_away()

    def _turn_away(self) -> None:
        """Everybody, for no replica is left."""
        for ticket, waiting in list(self._waiting.items()):
            del self._waiting[ticket]
            self._placement.queues.of(ticket).remove(ticket)
            if not waiting.seats.done():  # else its caller has left
                waiting.seats.set_exception(
                    Unavailable(f"The servers of {self._model} have gone.", retry_after=1)
                )

    def _prefetch(self, ticket: Ticket, adapter: AdapterRef) -> None:
        seats = self._placement.preferred(ticket)
        if seats is not None and seats.replica.limits.adapters:
            self._residents.on(seats).prefetch(adapter)


def _has_result(future: asyncio.Future[Seats]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None
