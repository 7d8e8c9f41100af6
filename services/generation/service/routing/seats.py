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
    Nobody else is let in while the claimant asks for more sequences than are free, for each that
    falls free would go to who asks for fewer. A claim binds nobody who goes before the claimant.
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

    def lacking(self, ticket: Ticket) -> int:
        """How many sequences have to end before there is room for the ticket's."""
        return min(self.sequences, max(0, self.sequences + ticket.sequences - self._bound(ticket)))

    def admits(self, ticket: Ticket) -> bool:
        """Whether the ticket has room, and its adapter may run beside those that run."""
        adapter, claimant = ticket.adapter, self.claimant
        if self.lacking(ticket):
            return False
        if claimant and ticket is not claimant and not ticket.precedes(claimant):
            if self.lacking(claimant):
                return False
            if adapter and adapter != claimant.adapter:
                return adapter in self.adapters and adapter != self._barred
        return self._has_place(adapter)

    def can_yield(self, ticket: Ticket) -> bool:
        """Whether a claim brings the ticket here, which cannot come now.

        What nobody waits for takes no place from an adapter that somebody waits for.
        """
        if self.claimant is not None and not ticket.precedes(self.claimant):
            return False
        if self._has_place(ticket.adapter):
            return self.lacking(ticket) > 0 and self._may_have_room(ticket)
        can_bar = self.adapters and not (ticket.background and self.least()[0])
        return bool(can_bar) and self._may_have_room(ticket)

    def keeps_for(self, claimant: Ticket) -> bool:
        """Whether the claim still brings it here: those whom it does not bind may have come."""
        will_have_place = self._has_place(claimant.adapter) or self._barred in self.adapters
        return will_have_place and self._may_have_room(claimant)

    def least(self) -> tuple[int, int, str]:
        """The adapter that makes room: how many wait for its answers, its requests, its name."""
        awaited = Counter(ticket.adapter for ticket in self._begun if not ticket.background)
        return min((awaited[name], count, name) for name, count in self.adapters.items())

    def to_end(self, ticket: Ticket) -> tuple[int, tuple[int, int, str], int]:
        """What has to end for the ticket: sequences, an adapter; and what runs at all."""
        adapter = (0, 0, "") if self._has_place(ticket.adapter) else self.least()
        return self.lacking(ticket), adapter, self.tokens

    def claim(self, ticket: Ticket) -> None:
        """Keeps the next place for it; the least adapter makes room where it needs one."""
        self.claimant = ticket
        self._barred = "" if self._has_place(ticket.adapter) else self.least()[-1]

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

    def _bound(self, ticket: Ticket) -> int:
        return self._most_in_background if ticket.background else self._most

    def _may_have_room(self, ticket: Ticket) -> bool:
        """Once those have ended whom its claim binds; what is larger needs an idle replica."""
        before = sum(one.sequences for one in self._begun if one.precedes(ticket))
        return not self.lacking(ticket) or before + ticket.sequences <= self._bound(ticket)

    def _has_place(self, adapter: str) -> bool:
        is_in = not adapter or adapter in self.adapters
        return is_in or len(self.adapters) < self.replica.limits.adapters
