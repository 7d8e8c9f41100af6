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
        self,
        tenant: str,
        adapter: str = "",
        tokens: int = 10,
        sequences: int = 1,
        *,
        background: bool = False,
    ) -> Ticket:
        ticket = Ticket(tenant, adapter, tokens, sequences, background)
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


def crowded(*replicas: Replica) -> Running:
    """Whatever ends, another request for one answer waits already."""
    world = Running(*replicas)
    for number in range(100):
        world.ask(f"t{number % 4}")
    world.grant()
    return world


def claimed_by(world: Running, ticket: Ticket) -> list[Seats]:
    return [seats for seats in world.placement.seats.values() if seats.claimant is ticket]


def until_claimed(world: Running, ticket: Ticket) -> Seats:
    while not claimed_by(world, ticket):
        world.end()
        assert world.grant(), "before that, what falls free goes to others"
    (seats,) = claimed_by(world, ticket)
    return seats


def test_a_request_for_many_answers_lost_many_turns_and_is_next() -> None:
    world = crowded(replica("a", sequences=16))
    large = world.ask("many", tokens=160, sequences=16)
    until_claimed(world, large)
    for _ in range(15):
        world.end()
        assert not world.grant()
    world.end()
    assert large in [ticket for ticket, _ in world.grant()]


def test_the_replica_that_is_kept_free_is_the_least_loaded_that_is_large_enough() -> None:
    sizes = {"small": 4, "busy": 16, "least": 16}
    world = crowded(*(replica(name, sequences=size) for name, size in sizes.items()))
    world.placement.seats["busy"].tokens += 500
    world.placement.seats["small"].tokens = 0
    large = world.ask("many", sequences=16)
    assert until_claimed(world, large).replica.id == "least"


def test_an_adapters_request_for_many_answers_gets_both_place_and_room() -> None:
    world = Running(replica("a", sequences=8, adapters=1))
    for _ in range(60):
        world.ask("hot", "hot")
    world.grant()
    large = world.ask("many", "cold", sequences=8)
    granted = list[Ticket]()
    for _ in range(40):
        world.end()
        granted += [ticket for ticket, _ in world.grant()]
        if large in granted:
            break
    assert granted.index(large) <= 8


def test_requests_for_one_answer_go_on_among_those_for_many() -> None:
    world = Running(replica("a", sequences=16, adapters=0))
    served = Counter[str]()
    for number in range(8):
        for _ in range(2):
            world.ask(f"many{number}", tokens=160, sequences=16)
        world.ask("one")
    for _ in range(2000):
        for ticket, _ in world.grant():
            served[ticket.tenant] += ticket.tokens
            world.ask(ticket.tenant, "", ticket.tokens, ticket.sequences)
        world.end()
    many = [served[f"many{number}"] for number in range(8)]
    assert max(many) - min(many) <= 2 * 160
    assert served["one"] >= min(many) - 160


def test_a_request_that_leaves_keeps_no_replica_from_others() -> None:
    world = crowded(replica("a", sequences=16))
    large = world.ask("many", sequences=16)
    seats = until_claimed(world, large)
    world.end()
    assert not world.grant()
    world.placement.queues.of(large).remove(large)
    assert world.grant()
    assert seats.claimant is None


def test_a_replica_that_goes_is_kept_for_nobody_and_another_is() -> None:
    world = crowded(replica("a", sequences=16))
    large = world.ask("many", sequences=16)
    until_claimed(world, large)
    world.placement.know([replica("b", sequences=16)])
    assert [seats for ticket, seats in world.grant() if ticket is large]


def test_a_replica_whose_breaker_opens_is_kept_for_nobody_and_another_is() -> None:
    world = crowded(replica("a", sequences=16), replica("b", sequences=16))
    large = world.ask("many", sequences=16)
    seats = until_claimed(world, large)
    for _ in range(3):
        ticket = next(ticket for ticket, at in world.running if at is seats)
        world.running.remove((ticket, seats))
        seats.free(ticket, world.clock(), False)
        world.placement.queues.of(ticket).settle(ticket, 0)
    assert seats.breaker.is_open
    world.grant()
    assert seats.claimant is None
    while not claimed_by(world, large):
        world.end()
        world.grant()
    (other,) = claimed_by(world, large)
    assert other is not seats


def test_a_replica_that_failed_a_request_is_not_kept_for_it() -> None:
    world = crowded(replica("a", sequences=16), replica("b", sequences=16))
    large = world.ask("many", sequences=16)
    for _ in range(20):
        world.end()
        world.running.extend(
            world.placement.grants(lambda one: frozenset({"a"} if one is large else ()))
        )
    (seats,) = claimed_by(world, large)
    assert seats.replica.id == "b"


def test_what_is_larger_than_every_replica_waits_until_one_is_idle() -> None:
    world = crowded(replica("a", sequences=8))
    large = world.ask("many", sequences=11)
    for _ in range(50):
        world.end()
        assert world.grant()
    assert not claimed_by(world, large)
    granted = list[Ticket]()
    while world.running:
        world.end()
        granted += [ticket for ticket, _ in world.grant()]
    assert granted[-1] is large


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
    most = 2 if background else 4
    for tenant, adapter in flows * 2:
        tokens, sequences = data.draw(st.integers(1, 50)), data.draw(st.integers(1, most))
        world.ask(tenant, adapter, tokens, sequences, background=background)
    last_served = Counter[tuple[str, str]]()
    for step in range(1, 300):
        for ticket, seats in world.grant():
            last_served[ticket.tenant, ticket.adapter] = step
            again = (ticket.tenant, ticket.adapter, ticket.tokens, ticket.sequences)
            world.ask(*again, background=background)
            assert len(seats.adapters) <= slots
            assert seats.sequences <= most
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
