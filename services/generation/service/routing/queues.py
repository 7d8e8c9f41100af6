"""Who goes before whom: requests that somebody waits for, and behind all of them the others."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from services.generation.service.routing.fairness import FairQueue, Ticket


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a new ticket would find in line before it; `own` are the requests of its tenant."""

    requests: int
    own: int
    tokens: int


class Queues:
    """Each is fair by itself: what a tenant's jobs were served puts off only its jobs."""

    def __init__(self) -> None:
        self._foreground, self._background = FairQueue(), FairQueue()

    def __len__(self) -> int:
        return len(self._foreground) + len(self._background)

    def of(self, ticket: Ticket) -> FairQueue:
        return self._background if ticket.background else self._foreground

    def ahead(self, ticket: Ticket) -> Ahead:
        first = self._foreground
        own, tokens = first.waiting(ticket.tenant), first.tokens_before(ticket.tenant)
        if not ticket.background:
            return Ahead(len(first), own, tokens)
        own += self._background.waiting(ticket.tenant)
        return Ahead(len(self), own, first.tokens + self._background.tokens_before(ticket.tenant))

    def turns(self, claimants: Collection[Ticket]) -> Iterator[Ticket]:
        """Of each queue its claimants first."""
        for queue in (self._foreground, self._background):
            yield from (ticket for ticket in claimants if self.of(ticket) is queue)
            yield from queue.turns()

    def denied(self, least: int) -> list[Ticket]:
        return self._foreground.denied(least) + self._background.denied(least)
