"""What runs on one replica, and what may join it."""

from collections import Counter

from services.generation.ports import Replica
from services.generation.service.routing.breaker import Breaker
from services.generation.service.routing.fairness import Ticket

_KEPT_FREE = 4
"""One place in so many, and one at least of several, is left to those who wait for an answer."""


class Seats:
    """Never more distinct adapters at once than fit in a batch: the engine would let one starve.

    A ticket whose turn was put off too often claims a place: one adapter of those that run gets no
    new requests until its last one has ended, and the place that falls free is the claimant's.
    A claim binds nobody who goes before the claimant.
    """

    def __init__(self, replica: Replica) -> None:
        self.replica = replica
        self.breaker = Breaker()
        self.tokens = 0
        self.sequences = 0
        self.adapters: Counter[str] = Counter()
        self.claimant: Ticket | None = None
        self._barred = ""
        self._begun: dict[Ticket, int] = {}
        places = replica.limits.sequences
        # A little more than runs at once, so that a place that falls free is taken at once.
        self._most = places + max(1, places // 4)
        self._most_in_background = max(1, places - max(1, places // _KEPT_FREE))

    def has_room(self, ticket: Ticket) -> bool:
        most = self._most_in_background if ticket.background else self._most
        return not self.sequences or self.sequences + ticket.sequences <= most

    def admits(self, ticket: Ticket) -> bool:
        """Whether the ticket's adapter may run beside those that run."""
        adapter, claimant = ticket.adapter, self.claimant
        if not adapter:
            return True
        if claimant and adapter != claimant.adapter and not ticket.precedes(claimant):
            return adapter in self.adapters and adapter != self._barred
        return adapter in self.adapters or len(self.adapters) < self.replica.limits.adapters

    def can_yield(self, ticket: Ticket) -> bool:
        """Whether the ticket may claim a place: as many adapters run as can, and not its own.

        What nobody waits for takes no place from an adapter that somebody waits for.
        """
        if not 0 < self.replica.limits.adapters <= len(self.adapters):
            return False
        if ticket.adapter in self.adapters or (ticket.background and self.least()[0]):
            return False
        return self.claimant is None or ticket.precedes(self.claimant)

    def least(self) -> tuple[int, int, str]:
        """The adapter that makes room: how many wait for its answers, its requests, its name."""
        awaited = Counter(ticket.adapter for ticket in self._begun if not ticket.background)
        return min((awaited[name], count, name) for name, count in self.adapters.items())

    def claim(self, ticket: Ticket) -> None:
        """Keeps the next place for it; the least adapter makes room."""
        self.claimant = ticket
        self._barred = self.least()[-1]

    def unclaim(self) -> None:
        self.claimant, self._barred = None, ""

    def take(self, ticket: Ticket) -> None:
        self.tokens += ticket.tokens
        self.sequences += ticket.sequences
        if ticket.adapter:
            self.adapters[ticket.adapter] += 1
        self._begun[ticket] = self.breaker.begun()

    def replied(self, ticket: Ticket) -> None:
        """The replica's answer to it has begun."""
        self.breaker.replied(self._begun[ticket])

    def free(self, ticket: Ticket, now: float, verdict: bool | None = None) -> None:
        """`verdict` is whether the replica did its part; None where that never showed."""
        self.breaker.ended(self._begun.pop(ticket), verdict, now)
        self.tokens -= ticket.tokens
        self.sequences -= ticket.sequences
        if ticket.adapter:
            self.adapters[ticket.adapter] -= 1
            self.adapters += Counter()  # drops what has come to zero
