"""Work that nobody waits for beside direct requests, which somebody waits for."""

import pytest

from services.generation.service.routing.fairness import Ticket
from services.generation.service.routing.queues import Ahead, Queues
from services.generation.service.routing.seats import Seats
from tests.unit.services.generation.routing.test_placement import Running
from tests.unit.services.generation.routing.world import replica


def lines(world: Running, count: int, adapter: str = "", tenant: str = "t") -> list[Ticket]:
    return [world.ask(tenant, adapter, background=True) for _ in range(count)]


@pytest.mark.parametrize(("sequences", "running"), [(1, 1), (2, 1), (3, 2), (8, 6), (256, 192)])
def test_lines_fill_what_they_may_and_leave_a_seat_to_who_waits(
    sequences: int, running: int
) -> None:
    world = Running(replica("a", sequences=sequences))
    lines(world, sequences * 2)
    assert len(world.grant()) == running
    direct = world.ask("t")
    assert [ticket for ticket, _ in world.grant()] == [direct]


def test_lines_fill_every_replica_that_far() -> None:
    world = Running(replica("a", sequences=4), replica("b", sequences=4))
    lines(world, 20)
    where = [seats.replica.id for _, seats in world.grant()]
    assert (where.count("a"), where.count("b")) == (3, 3)


def test_lines_take_no_seat_of_those_that_direct_requests_leave() -> None:
    world = Running(replica("a", sequences=4))
    for _ in range(3):
        world.ask("t")
    lines(world, 1)
    assert [ticket.background for ticket, _ in world.grant()] == [False] * 3
    world.end()
    assert [ticket.background for ticket, _ in world.grant()] == [True]


def test_a_direct_request_overtakes_the_lines_that_wait_its_own_tenants_and_others() -> None:
    world = Running(replica("a", sequences=1))
    world.ask("t")
    world.ask("t")
    world.grant()
    lines(world, 3, tenant="t")
    lines(world, 3, tenant="other")
    direct = world.ask("t", tokens=1000)
    world.end()
    world.end()
    assert world.grant()[0][0] is direct


def test_what_a_tenants_lines_were_served_does_not_put_off_its_direct_requests() -> None:
    world = Running(replica("a", sequences=2))
    world.ask("t", tokens=10_000, background=True)
    world.grant()
    world.end()
    own = world.ask("t")
    world.ask("other")
    assert world.grant()[0][0] is own


def test_tenants_take_turns_with_their_lines() -> None:
    world = Running(replica("a", sequences=1))
    lines(world, 4, tenant="first")
    lines(world, 4, tenant="second")
    served = []
    for _ in range(4):
        served += [ticket.tenant for ticket, _ in world.grant()]
        world.end()
    assert served.count("first") == served.count("second") == 2


def test_a_direct_request_finds_only_direct_ones_ahead_and_a_line_finds_all() -> None:
    queues = Queues()
    for background in (True, True, False):
        queues.of(ticket := Ticket("t", "", 10, background=background)).add(ticket)
    assert queues.ahead(Ticket("t", "", 10)) == Ahead(requests=1, own=1, tokens=10)
    line = Ticket("t", "", 10, background=True)
    assert queues.ahead(line) == Ahead(requests=3, own=3, tokens=30)
    other = Ticket("other", "", 10, background=True)
    assert queues.ahead(other) == Ahead(requests=3, own=0, tokens=10)


def test_an_adapter_of_lines_makes_room_at_once_for_that_of_a_direct_request() -> None:
    world = Running(replica("a", sequences=8, adapters=1))
    lines(world, 30, "batch")
    world.grant()
    direct, granted = world.ask("t", "direct"), list[Ticket]()
    for _ in range(7):
        world.end()
        granted += [ticket for ticket, _ in world.grant()]
    assert granted[-1] is direct
    assert len(granted) == 2, "one line at most goes first"


def test_whoever_waits_loses_no_place_while_an_adapter_of_lines_can_make_room() -> None:
    world = Running(replica("a", sequences=8, adapters=2))
    lines(world, 30, "batch")
    world.grant()
    world.ask("other", "few")
    world.grant()
    world.ask("t", "direct")
    world.end()
    world.end()
    assert [ticket.adapter for ticket, _ in world.grant()] == ["batch"], "now the place is claimed"
    few = world.ask("other", "few")
    assert [ticket for ticket, _ in world.grant()] == [few]


def test_an_adapter_of_lines_claims_no_place_of_direct_requests() -> None:
    world = Running(replica("a", sequences=4, adapters=1))
    world.ask("t", "direct")
    world.grant()
    lines(world, 1, "batch")
    for _ in range(40):
        direct = world.ask("t", "direct")
        assert [ticket for ticket, _ in world.grant()] == [direct]
        world.end()


def claimed(*, slots: int) -> tuple[Running, Ticket, Seats]:
    """A replica full of lines with the adapters "0", "1" and so on, and one that claims a place."""
    world = Running(replica("a", sequences=8, adapters=slots))
    for number in range(60):
        lines(world, 1, str(number % slots))
    world.grant()
    (waiting,) = lines(world, 1, "batch", tenant="other")
    (seats,) = world.placement.seats.values()
    while seats.claimant is None:
        world.end()
        world.grant()
    assert seats.claimant is waiting
    return world, waiting, seats


def test_a_claim_of_a_line_binds_no_direct_request() -> None:
    world, _, _ = claimed(slots=1)
    direct = world.ask("t", "0")
    assert [ticket for ticket, _ in world.grant()] == [direct]


def test_a_direct_request_takes_the_place_that_a_line_has_claimed() -> None:
    world, line, _ = claimed(slots=1)
    direct = world.ask("t", "direct")
    granted = list[Ticket]()
    while not granted:
        world.end()
        granted += [ticket for ticket, _ in world.grant()]
    assert granted == [direct]
    world.end()
    assert [ticket for ticket, _ in world.grant()] == [line]


def test_a_direct_request_claims_what_a_line_has_claimed() -> None:
    world, _, seats = claimed(slots=2)
    direct = world.ask("t", "direct")
    world.end()
    assert world.grant(), "a line of the other adapter goes on"
    assert seats.claimant is direct


def test_a_line_claims_no_place_of_an_adapter_that_somebody_waits_for() -> None:
    world = Running(replica("a", sequences=8, adapters=1))
    lines(world, 60, "shared")
    world.grant()
    lines(world, 1, "batch", tenant="other")
    (seats,) = world.placement.seats.values()
    for _ in range(20):
        world.ask("t", "shared")
        world.grant()
        world.end()
        world.end()
        world.grant()
        assert seats.claimant is None


def test_a_line_for_many_answers_keeps_lines_out_and_no_direct_request() -> None:
    world = Running(replica("a", sequences=16))
    lines(world, 60)
    world.grant()
    large = world.ask("many", sequences=12, background=True)
    (seats,) = world.placement.seats.values()
    while seats.claimant is None:
        world.end()
        world.grant()
    assert seats.claimant is large
    world.end()
    direct = world.ask("t")
    assert [ticket for ticket, _ in world.grant()] == [direct]


def test_lines_go_on_where_direct_requests_leave_no_room_for_a_line_for_many_answers() -> None:
    world = Running(replica("a", sequences=16))
    for _ in range(6):
        world.ask("t")
    world.grant()
    lines(world, 60)
    world.ask("many", sequences=12, background=True)
    world.grant()
    for _ in range(40):
        ended = world.running[0][0]
        world.end()
        if not ended.background:
            world.ask("t")
        assert [ticket.background for ticket, _ in world.grant()] == [ended.background]


def test_a_direct_request_for_many_answers_is_not_passed_over_by_lines() -> None:
    world = Running(replica("a", sequences=16))
    lines(world, 60)
    world.grant()
    large = world.ask("many", sequences=12)
    granted = list[Ticket]()
    while large not in granted:
        world.end()
        granted += [ticket for ticket, _ in world.grant()]
    assert len(granted) <= 2, "one line at most goes first"
