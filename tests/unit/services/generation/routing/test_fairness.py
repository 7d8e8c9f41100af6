"""Turns between tenants: by what they were served, never by how much they ask at once."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from services.generation.service.routing.fairness import PASSED_OVER, FairQueue, Ticket


def enqueue(queue: FairQueue, tenant: str, tokens: int = 10, count: int = 1) -> list[Ticket]:
    tickets = [Ticket(tenant, "", tokens) for _ in range(count)]
    for ticket in tickets:
        queue.add(ticket)
    return tickets


def serve(queue: FairQueue, used: int | None = None) -> Ticket:
    ticket = next(queue.turns())
    queue.grant(ticket)
    queue.settle(ticket, ticket.tokens if used is None else used)
    return ticket


def test_one_tenants_requests_are_served_in_order() -> None:
    queue = FairQueue()
    tickets = enqueue(queue, "a", count=3)
    assert [serve(queue) for _ in tickets] == tickets


def test_a_flood_does_not_delay_the_tenant_with_one_request() -> None:
    queue = FairQueue()
    enqueue(queue, "flood", count=100)
    serve(queue)
    enqueue(queue, "small")
    assert serve(queue).tenant == "small"


def test_turns_go_by_tokens_so_long_requests_come_less_often() -> None:
    queue = FairQueue()
    enqueue(queue, "long", tokens=100, count=50)
    enqueue(queue, "short", tokens=10, count=50)
    served = Counter(serve(queue).tenant for _ in range(33))
    assert served["short"] >= 9 * served["long"]


def test_being_idle_earns_nothing() -> None:
    queue = FairQueue()
    enqueue(queue, "late")
    serve(queue)
    enqueue(queue, "busy", count=100)
    for _ in range(50):
        serve(queue)
    enqueue(queue, "late", count=50)
    served = Counter(serve(queue).tenant for _ in range(20))
    assert abs(served["late"] - served["busy"]) <= 2


def test_an_estimate_is_corrected_by_what_was_used() -> None:
    queue = FairQueue()
    enqueue(queue, "asks-much", tokens=1000, count=10)
    enqueue(queue, "asks-little", tokens=10, count=10)
    served = [serve(queue, used=10).tenant for _ in range(10)]
    assert abs(served.count("asks-much") - served.count("asks-little")) <= 2


def test_a_tenant_far_in_debt_is_served_in_the_end() -> None:
    queue = FairQueue()
    enqueue(queue, "debtor", tokens=10**9)
    enqueue(queue, "debtor")
    first = serve(queue)
    assert first.tenant == "debtor"
    for number in range(PASSED_OVER + 1):
        enqueue(queue, f"fresh-{number}")
    served = [serve(queue).tenant for _ in range(PASSED_OVER + 1)]
    assert "debtor" in served


def test_a_ticket_that_is_taken_back_leaves_nothing() -> None:
    queue = FairQueue()
    (ticket,) = enqueue(queue, "a")
    queue.remove(ticket)
    assert len(queue) == 0
    assert not list(queue.turns())
    assert queue.tokens_before("a") == 0


def test_what_is_before_a_newcomer_does_not_count_what_others_have_in_excess() -> None:
    queue = FairQueue()
    enqueue(queue, "flood", tokens=100, count=100)
    assert queue.tokens_before("new") == 0
    enqueue(queue, "new", tokens=100)
    assert queue.tokens_before("new") == 200


TENANTS = st.sampled_from(["a", "b", "c", "d"])
ACTIONS = st.lists(st.tuples(TENANTS, st.integers(1, 200)), min_size=1, max_size=60)


@given(ACTIONS)
@settings(max_examples=200)
def test_everybody_is_served_once_however_requests_come(actions: list[tuple[str, int]]) -> None:
    queue = FairQueue()
    added = [enqueue(queue, tenant, tokens)[0] for tenant, tokens in actions]
    served = [serve(queue) for _ in added]
    assert sorted(ticket.number for ticket in served) == sorted(ticket.number for ticket in added)
    assert len(queue) == 0


@given(st.lists(st.integers(1, 50), min_size=2, max_size=6))
@settings(max_examples=100)
def test_tenants_who_always_wait_never_differ_by_more_than_one_request(costs: list[int]) -> None:
    queue, used = FairQueue(), Counter[str]()
    for tenant, cost in enumerate(costs):
        enqueue(queue, str(tenant), cost, count=3)
    for _ in range(100):
        ticket = serve(queue)
        used[ticket.tenant] += ticket.tokens
        enqueue(queue, ticket.tenant, ticket.tokens)
        shares = [used[str(tenant)] for tenant in range(len(costs))]
        assert max(shares) - min(shares) <= 2 * max(costs)
