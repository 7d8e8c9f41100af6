"""A replica that keeps failing: what opens it, what the probe says, and whose word counts."""

import asyncio

import pytest

from kit.errors import Unavailable
from services.generation.service.routing.breaker import Breaker
from services.generation.service.routing.line import Seat
from services.generation.service.routing.policy import Policy
from tests.unit.services.generation.routing.test_router import World
from tests.unit.services.generation.routing.world import Clock, asked, replica


def opened(breaker: Breaker, clock: Clock) -> None:
    for sent in [breaker.begun() for _ in range(3)]:
        breaker.ended(sent, False, clock())
    assert breaker.is_open


def test_three_failures_in_a_row_rest_it_and_a_success_between_does_not() -> None:
    clock, breaker = Clock(), Breaker()
    for verdict in (False, False, True, False, False):
        breaker.ended(breaker.begun(), verdict, clock())
    assert not breaker.is_open
    breaker.ended(breaker.begun(), False, clock())
    assert breaker.wait(clock()) == 1.0
    clock.now += 1.0
    assert breaker.wait(clock()) == 0.0


def test_all_that_fails_in_one_blip_rests_it_once() -> None:
    clock, breaker = Clock(), Breaker()
    for sent in [breaker.begun() for _ in range(64)]:
        breaker.ended(sent, False, clock())
    assert breaker.wait(clock()) == 1.0


def test_each_probe_that_fails_doubles_its_rest() -> None:
    clock, breaker = Clock(), Breaker()
    opened(breaker, clock)
    for pause in (2.0, 4.0, 8.0, 16.0, 30.0, 30.0):
        clock.now += breaker.wait(clock())
        breaker.ended(breaker.begun(), False, clock())
        assert breaker.wait(clock()) == pause


@pytest.mark.parametrize("verdict", [True, False, None])
def test_what_was_sent_before_it_opened_neither_ends_the_probe_nor_closes_it(
    verdict: bool | None,
) -> None:
    clock, breaker = Clock(), Breaker()
    older = breaker.begun()
    opened(breaker, clock)
    clock.now += 1.0
    breaker.begun()
    breaker.ended(older, verdict, clock())
    assert breaker.is_open
    assert breaker.wait(clock()) > 0


def test_a_probe_that_was_left_makes_room_for_another() -> None:
    clock, breaker = Clock(), Breaker()
    opened(breaker, clock)
    clock.now += 1.0
    breaker.ended(breaker.begun(), None, clock())
    assert breaker.wait(clock()) == 0.0
    assert breaker.is_open


def test_a_probe_whose_answer_begins_closes_it_until_the_next_failure() -> None:
    clock, breaker = Clock(), Breaker()
    opened(breaker, clock)
    clock.now += 1.0
    probe = breaker.begun()
    breaker.replied(probe)
    assert not breaker.is_open
    breaker.ended(probe, False, clock())
    assert breaker.is_open


async def test_others_follow_as_soon_as_the_probes_answer_begins() -> None:
    world = World(replica("only"), policy=Policy(attempts=1))

    async def fails(seat: Seat) -> None:
        raise Unavailable("away")

    for _ in range(3):
        with pytest.raises(Unavailable, match="away"):
            async with world.router.begun(asked(), fails):
                pass
    with pytest.raises(Unavailable, match="do not answer"):
        await world.hold(asked())
    world.clock.now += 1.0
    await world.hold(asked("probe"))  # streams for minutes
    await asyncio.wait_for(world.hold(asked("other")), 1)
    await world.held.aclose()
