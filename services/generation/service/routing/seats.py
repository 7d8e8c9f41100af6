"""What runs on one replica, and what may join it."""

from collections import Counter

from services.generation.ports import Replica
from services.generation.service.routing.breaker import Breaker
from services.generation.service.routing.fairness import Ticket


class Seats:
    """Never more distinct adapters at once than fit in a batch: the engine would let one starve.

    A ticket whose turn was put off too often claims a place: one adapter of those that run gets no
    new requests until its last one has ended, and the place that falls free is the claimant's.
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
        # A little more than runs at once, so that a place that falls free is taken at once.
        self._most = replica.limits.sequences + max(1, replica.limits.sequences // 4)

    def has_room(self, ticket: Ticket) -> bool:
        return not self.sequences or self.sequences + ticket.sequences <= self._most

    def admits(self, adapter: str) -> bool:
        """Whether a request with the adapter may run beside those that run."""
        if not adapter:
            return True
        if self.claimant is not None and adapter != self.claimant.adapter:
            return adapter in self.adapters and adapter != self._barred
        return adapter in self.adapters or len(self.adapters) < self.replica.limits.adapters

    @property
    def is_full(self) -> bool:
        """Whether adapters run, as many as can."""
        return 0 < self.replica.limits.adapters <= len(self.adapters)

    def claim(self, ticket: Ticket) -> None:
        """Keeps the next place for it; the adapter with the fewest requests makes room."""
        self.claimant = ticket
        self._barred = min(self.adapters, key=lambda name: (self.adapters[name], name))

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
