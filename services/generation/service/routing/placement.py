"""Who goes where: pure policy over the replicas of one model, without HTTP and without waiting."""

from collections.abc import Callable, Iterable, Sequence

from services.generation.ports import Replica
from services.generation.service.routing.fairness import Ticket
from services.generation.service.routing.queues import Queues
from services.generation.service.routing.seats import Seats

LOAD_TOKENS = 4_000
"""What loading an adapter costs, in tokens that others have to wait for."""
_DENIALS = 8
"""Turns that a request may lose, for its adapter or its size, before it claims a place."""


class Placement:
    """`has(replica, digest)` tells where an adapter is loaded."""

    def __init__(self, has: Callable[[str, str], bool], clock: Callable[[], float]) -> None:
        self.queues = Queues()
        self.seats: dict[str, Seats] = {}
        self._leaving: list[Seats] = []
        self._has, self._clock = has, clock

    def know(self, replicas: Sequence[Replica]) -> None:
        """The replicas that are ready; those that have gone get no more requests."""
        ready = {replica.id: replica for replica in replicas}
        if ready.keys() != self.seats.keys():
            known = self.seats
            self.seats = {id: known.get(id) or Seats(replica) for id, replica in ready.items()}
            self._leaving += [seats for id, seats in known.items() if id not in ready]

    def in_use(self) -> set[str]:
        """The replicas that are ready, and those that have gone but still answer somebody."""
        self._leaving = [seats for seats in self._leaving if seats.sequences]
        return self.seats.keys() | {seats.replica.id for seats in self._leaving}

    @property
    def running(self) -> int:
        return sum(seats.sequences for seats in self.seats.values())

    def wait(self) -> float:
        """Seconds until some replica may be tried; infinite without any, 0 where one is sound."""
        now = self._clock()
        return min((seats.breaker.wait(now) for seats in self.seats.values()), default=float("inf"))

    def grants(self, avoid: Callable[[Ticket], frozenset[str]]) -> Iterable[tuple[Ticket, Seats]]:
        """Takes from the queue what can run now. `avoid`: the replicas that a ticket has tried."""
        for seats in self.seats.values():
            claimant = seats.claimant
            if claimant is not None and not (
                self.queues.of(claimant).is_next(claimant)
                and seats in self._open(avoid(claimant))
                and seats.keeps_for(claimant)
            ):
                seats.unclaim()
        while (found := self._next(avoid)) is not None:
            yield found

    def preferred(self, ticket: Ticket) -> Seats | None:
        """Where the ticket would go if there were room, so that its adapter can be fetched."""
        open_now = self._open(frozenset())
        return min(open_now, key=lambda seats: self._cost(seats, ticket), default=None)

    def _next(self, avoid: Callable[[Ticket], frozenset[str]]) -> tuple[Ticket, Seats] | None:
        denied: list[Ticket] = []
        claimants = [s.claimant for s in self.seats.values() if s.claimant is not None]
        for ticket in self.queues.turns(claimants):
            seats = min(
                (s for s in self._open(avoid(ticket)) if s.admits(ticket)),
                key=lambda s: self._cost(s, ticket),
                default=None,
            )
            if seats is not None:
                self.queues.of(ticket).grant(ticket)
                self._take(ticket, seats)
                self._deny(denied, ticket, avoid)
                return ticket, seats
            if ticket not in claimants:
                denied.append(ticket)
        return None

    def _take(self, ticket: Ticket, seats: Seats) -> None:
        seats.take(ticket)
        for one in self.seats.values():
            if one.claimant is ticket:
                one.unclaim()

    def _deny(
        self, denied: list[Ticket], granted: Ticket, avoid: Callable[[Ticket], frozenset[str]]
    ) -> None:
        """Another goes although it was these tickets' turn; who waits longest claims a place.

        The ticket itself, not its adapter: with that, others whose turn is sooner would go first.
        """
        for ticket in denied:
            takes_its_place = granted.adapter or not ticket.adapter
            is_kept_out = takes_its_place and ticket.precedes(granted)  # by what can wait
            self.queues.of(ticket).deny(ticket, _DENIALS if is_kept_out else 1)
        claimants = (seats.claimant for seats in self.seats.values() if seats.claimant)
        claimed = {(ticket.adapter, ticket.background) for ticket in claimants}
        for ticket in self.queues.denied(_DENIALS) if denied else ():
            yielding = [s for s in self._open(avoid(ticket)) if s.can_yield(ticket)]
            if yielding and (ticket.adapter, ticket.background) not in claimed:
                min(yielding, key=lambda s: s.to_end(ticket)).claim(ticket)
                claimed.add((ticket.adapter, ticket.background))

    def _open(self, avoid: frozenset[str]) -> list[Seats]:
        """Where there is another choice, not a replica that failed the ticket already."""
        now = self._clock()
        sound = [s for s in self.seats.values() if not s.breaker.wait(now)]
        return [s for s in sound if s.replica.id not in avoid] or sound

    def _cost(self, seats: Seats, ticket: Ticket) -> tuple[int, int]:
        """Tokens to wait for: those of others, and what it takes to load the adapter."""
        is_missing = ticket.adapter and not self._has(seats.replica.id, ticket.adapter)
        joins = ticket.adapter in seats.adapters
        return seats.tokens + (LOAD_TOKENS if is_missing and not joins else 0), seats.sequences
