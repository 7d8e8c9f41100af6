"""Whose turn it is: tenants take turns by the tokens they were served, not by how much they ask.

A virtual token counter for each tenant (Sheng et al., "Fairness in Serving Large Language Models",
2024): the tenant with the least goes next, and is charged. A tenant who comes back after a while
starts where the others are, so that being idle earns nothing; what was used too much is not
forgiven by leaving.
"""

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

PASSED_OVER = 256
"""Grants to others after which a waiting tenant goes first, however much it used."""

_REMEMBERED = 4096


@dataclass(slots=True, eq=False)
class Ticket:
    """One request that waits or runs. `adapter` is a digest, or empty for the base model."""

    tenant: str
    adapter: str
    tokens: int
    """An estimate of what it will take; the charge is corrected when it is known."""
    sequences: int = 1
    background: bool = False
    """Whether nobody waits for its answer."""
    number: int = 0
    """In order of arrival; the queue sets it."""

    def precedes(self, other: "Ticket") -> bool:
        """Whoever came first: somebody waits for this one, and nobody for the other."""
        return other.background and not self.background


@dataclass(slots=True)
class _Flow:
    tickets: deque[Ticket] = field(default_factory=deque)
    denied: int = 0


@dataclass(slots=True)
class _Tenant:
    counter: float
    flows: "OrderedDict[str, _Flow]" = field(default_factory=OrderedDict)
    running: int = 0
    waiting: int = 0
    waits_since: int = 0
    """How many grants the queue had made when it last got one, or began to wait."""


class FairQueue:
    """Bounds nothing by itself; not for several threads."""

    def __init__(self) -> None:
        self._tenants: dict[str, _Tenant] = {}
        self._floor = 0.0
        self._arrivals = 0
        self._grants = 0
        self._waiting = 0
        self._waiting_tokens: dict[str, int] = {}

    def __len__(self) -> int:
        return self._waiting

    def waiting(self, tenant: str) -> int:
        known = self._tenants.get(tenant)
        return known.waiting if known else 0

    @property
    def tokens(self) -> int:
        return sum(self._waiting_tokens.values())

    def tokens_before(self, tenant: str) -> int:
        """What is served before a new ticket of the tenant, if all tenants take equal turns."""
        own = self._waiting_tokens.get(tenant, 0)
        others = (tokens for name, tokens in self._waiting_tokens.items() if name != tenant)
        return own + sum(min(tokens, own) for tokens in others)

    def is_next(self, ticket: Ticket) -> bool:
        """Whether it waits, and is the first of its tenant with its adapter."""
        tenant = self._tenants.get(ticket.tenant)
        flow = tenant.flows.get(ticket.adapter) if tenant else None
        return flow is not None and flow.tickets[0] is ticket

    def add(self, ticket: Ticket) -> None:
        tenant = self._tenants.get(ticket.tenant)
        if tenant is None:
            tenant = self._tenants[ticket.tenant] = _Tenant(self._floor)
        if not tenant.waiting:
            if not tenant.running:
                tenant.counter = max(tenant.counter, self._floor)
            tenant.waits_since = self._grants
        self._arrivals += 1
        ticket.number = self._arrivals
        tenant.flows.setdefault(ticket.adapter, _Flow()).tickets.append(ticket)
        self._count(tenant, ticket, 1)

    def remove(self, ticket: Ticket) -> None:
        """Of a caller who waits no longer."""
        tenant = self._tenants[ticket.tenant]
        flow = tenant.flows[ticket.adapter]
        flow.tickets.remove(ticket)
        if not flow.tickets:
            del tenant.flows[ticket.adapter]
        self._count(tenant, ticket, -1)
        self._forget(ticket.tenant)

    def turns(self) -> Iterator[Ticket]:
        """The first ticket of every tenant's adapters, who should go first first."""
        waiting = [tenant for tenant in self._tenants.values() if tenant.waiting]
        for tenant in sorted(waiting, key=self._rank):
            heads = [flow.tickets[0] for flow in tenant.flows.values()]
            yield from sorted(heads, key=lambda ticket: ticket.number)

    def grant(self, ticket: Ticket) -> None:
        """Takes the ticket out, and charges its tenant."""
        tenant = self._tenants[ticket.tenant]
        busy = (t.counter for t in self._tenants.values() if t.waiting or t.running)
        self._floor = max(self._floor, min(busy))
        tenant.counter += ticket.tokens
        tenant.running += 1
        self._grants += 1
        tenant.waits_since = self._grants
        tenant.flows[ticket.adapter].denied = 0
        self.remove(ticket)

    def deny(self, ticket: Ticket, times: int = 1) -> None:
        """It was the ticket's turn, but there was no place for its adapter."""
        self._tenants[ticket.tenant].flows[ticket.adapter].denied += times

    def denied(self, least: int) -> list[Ticket]:
        """The first tickets of those that were denied so often, in order of arrival."""
        flows = (flow for tenant in self._tenants.values() for flow in tenant.flows.values())
        heads = (flow.tickets[0] for flow in flows if flow.denied >= least)
        return sorted(heads, key=lambda ticket: ticket.number)

    def settle(self, ticket: Ticket, used: int) -> None:
        """A granted ticket is done; `used` tokens take the place of the estimate."""
        tenant = self._tenants[ticket.tenant]
        tenant.counter += used - ticket.tokens
        tenant.running -= 1
        self._forget(ticket.tenant)

    def _rank(self, tenant: _Tenant) -> tuple[bool, float, int]:
        is_due = self._grants - tenant.waits_since >= PASSED_OVER
        oldest = min(flow.tickets[0].number for flow in tenant.flows.values())
        return not is_due, tenant.waits_since if is_due else tenant.counter, oldest

    def _count(self, tenant: _Tenant, ticket: Ticket, one: int) -> None:
        tenant.waiting += one
        self._waiting += one
        tokens = self._waiting_tokens.get(ticket.tenant, 0) + one * ticket.tokens
        self._waiting_tokens[ticket.tenant] = tokens
        if not tenant.waiting:
            del self._waiting_tokens[ticket.tenant]

    def _forget(self, name: str) -> None:
        """Idle tenants without debts are like new ones; debts are kept of so many."""
        tenant = self._tenants[name]
        is_even = tenant.counter <= self._floor or len(self._tenants) > _REMEMBERED
        if not tenant.waiting and not tenant.running and is_even:
            del self._tenants[name]
