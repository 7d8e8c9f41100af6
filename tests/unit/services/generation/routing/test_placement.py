"""Who goes where: load, adapters, claims and breakers, with a clock that stands still."""

from collections import Counter, deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.generation.ports import Replica
from services.generation.service.routing.fairness import Ticket
from services.generation.service.routing.placement import LOAD_TOKENS, Placement
from services.generation.service.routing.seats import Seats
from tests.unit.services.generation.routing.world import Clock, replica

Granted = tuple[Ticket, Seats]


class Running:
    """A placement with what runs in it."""

    def __init__(self, *replicas: Replica, loaded: set[tuple[str, str]] | None = None) -> None:
        self.clock = Clock()
        self.loaded = loaded or set()
        self.placement = Placement(
            lambda replica, digest: (replica, digest) in self.loaded, self.clock
        )
        self.placement.know(replicas)
        self.running: deque[Granted] = deque()

    def ask(
        self, tenant: str, adapter: str = "", tokens: int = 10, *, background: bool = False
    ) -> Ticket:
        ticket = Ticket(tenant, adapter, tokens, background=background)
        self.placement.queues.of(ticket).add(ticket)
        return ticket

    def grant(self) -> list[Granted]:
        granted = list(self.placement.grants(lambda ticket: frozenset()))
        self.running.extend(granted)
        return granted

    def end(self) -> None:
        """The oldest that runs."""
        ticket, seats = self.running.popleft()
        seats.free(ticket, self.clock(), True)
        self.placement.queues.of(ticket).settle(ticket, ticket.tokens)


def test_the_replica_with_the_fewest_tokens_gets_the_next_request() -> None:
    world = Running(replica("a"), replica("b"))
    world.ask("t", tokens=100)
    world.ask("t", tokens=10)
    world.ask("t", tokens=10)
    where = [seats.replica.id for _, seats in world.grant()]
    assert where[0] != where[1] == where[2]


def test_a_request_goes_where_its_adapter_is_though_others_run_there() -> None:
    world = Running(replica("a"), replica("b"), loaded={("a", "es")})
    world.ask("t", tokens=500)
    ((_, busy),) = world.grant()
    world.loaded = {(busy.replica.id, "es")}
    world.ask("t", "es")
    ((_, seats),) = world.grant()
    assert seats is busy


def test_it_spills_to_another_replica_once_waiting_costs_more_than_loading() -> None:
    world = Running(replica("a"), replica("b"))
    world.ask("t", tokens=LOAD_TOKENS + 1000)
    ((_, busy),) = world.grant()
    world.loaded = {(busy.replica.id, "es")}
    world.ask("t", "es")
    ((_, seats),) = world.grant()
    assert seats is not busy


def test_no_more_distinct_adapters_run_at_once_than_fit_in_a_batch() -> None:
    world = Running(replica("a", sequences=16, adapters=2))
    for name in ("one", "two", "three", "one", "two", ""):
        world.ask("t", name)
    granted = world.grant()
    assert sorted(ticket.adapter for ticket, _ in granted) == ["", "one", "one", "two", "two"]


def test_a_replica_without_adapters_serves_only_its_base() -> None:
    world = Running(replica("a", adapters=0))
    world.ask("t", "one")
    world.ask("t")
    assert [ticket.adapter for ticket, _ in world.grant()] == [""]


def test_an_adapter_that_lost_many_turns_claims_the_next_place() -> None:
    world = Running(replica("a", sequences=4, adapters=1))
    world.ask("hot", "hot")
    world.grant()
    world.ask("cold", "cold", tokens=1)
    for _ in range(40):
        world.ask("hot", "hot")
        granted = world.grant()
        if any(ticket.adapter == "cold" for ticket, _ in granted):
            break
        if len(world.running) > 2 or not granted:  # else some always run, and keep the place
            world.end()
    else:
        raise AssertionError("the cold adapter never ran")


def test_a_request_avoids_the_replica_that_failed_it_where_there_is_another() -> None:
    world = Running(replica("a"), replica("b"))
    ticket = world.ask("t")
    ((_, seats),) = world.placement.grants(lambda _: frozenset({"a"}))
    assert seats.replica.id == "b"
    seats.free(ticket, world.clock())
    world.placement.queues.of(ticket).settle(ticket, 0)
    world.placement.know([replica("a")])
    world.ask("t")
    ((_, seats),) = world.placement.grants(lambda _: frozenset({"a"}))
    assert seats.replica.id == "a"


def test_a_replica_that_came_back_under_another_id_starts_afresh() -> None:
    world = Running(replica("a"))
    world.ask("t")
    world.grant()
    world.placement.know([replica("b")])
    assert world.placement.running == 0


FLOWS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["", "x", "y", "z", "w"])),
    min_size=2,
    max_size=8,
    unique=True,
)


@given(FLOWS, st.integers(1, 3), st.integers(1, 2), st.booleans(), st.data())
@settings(max_examples=60)
def test_no_tenant_and_no_adapter_starves_while_all_keep_asking(
    flows: list[tuple[str, str]], slots: int, replicas: int, background: bool, data: st.DataObject
) -> None:
    """Every flow has two requests in line at all times; each is served again and again."""
    world = Running(*(replica(f"r{n}", sequences=3, adapters=slots) for n in range(replicas)))
    for tenant, adapter in flows * 2:
        world.ask(tenant, adapter, data.draw(st.integers(1, 50)), background=background)
    last_served = Counter[tuple[str, str]]()
    for step in range(1, 300):
        for ticket, seats in world.grant():
            last_served[ticket.tenant, ticket.adapter] = step
            world.ask(ticket.tenant, ticket.adapter, ticket.tokens, background=background)
            assert len(seats.adapters) <= slots
        world.end()
    assert min(last_served[flow] for flow in flows) > 100


@pytest.mark.parametrize(
    ("replicas", "flows", "tokens"),
    [
        (2, ["bx", "bw", "cw"], [50, 1, 25, 27, 41, 20]),
        (1, ["bw", "aw", "ay", "a", "bz"], [37, 30, 11, 50, 46, 40, 33, 3, 25, 13]),
        (2, ["cz", "b", "by", "cx", "az", "bw", "bz", "ay"], [9, 1, 9, 1, 1, 1, 9] + [1] * 9),
    ],
    ids=["two adapters hold both replicas", "the base model takes the turns", "places are swapped"],
)
def test_a_place_that_is_claimed_goes_to_the_request_that_waited(
    replicas: int, flows: list[str], tokens: list[int]
) -> None:
    """Worlds in which claims of adapters, or by the most denials, let a flow wait for ever."""
    world = Running(*(replica(f"r{n}", sequences=3, adapters=1) for n in range(replicas)))
    for flow, cost in zip(flows * 2, tokens, strict=True):
        world.ask(flow[0], flow[1:], cost)
    served = Counter[str]()
    for _ in range(300):
        for ticket, _ in world.grant():
            served[ticket.tenant + ticket.adapter] += 1
            world.ask(ticket.tenant, ticket.adapter, ticket.tokens)
        world.end()
    assert min(served[flow] for flow in flows) > 3
