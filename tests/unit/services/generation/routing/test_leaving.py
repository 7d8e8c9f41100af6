"""Callers who leave while they wait: nobody keeps a place, and nobody else pays for it."""

import asyncio

from services.generation.service.routing.policy import Policy
from tests.unit.services.generation.routing.test_router import World
from tests.unit.services.generation.routing.world import adapter, asked, replica


async def test_all_who_leave_together_leave_no_place_taken() -> None:
    """A place falls free between a waiter's cancellation and its own word of it."""
    world = World(replica("a", sequences=1, adapters=1), policy=Policy())
    ends = asyncio.Event()

    async def runs() -> None:
        async with world.router.begun(asked("t", adapter("es")), _at_once):
            await ends.wait()

    callers = [asyncio.create_task(runs()) for _ in range(4)]
    await asyncio.sleep(0.01)
    assert world.fleet.told == 4
    for caller in callers:
        caller.cancel()
    ended = await asyncio.gather(*callers, return_exceptions=True)
    assert all(isinstance(one, asyncio.CancelledError) for one in ended), ended
    assert world.fleet.told == 0
    async with world.router.begun(asked("u", adapter("fr")), _at_once):
        pass


async def test_a_waiter_who_left_as_the_last_replica_goes_does_not_hold_the_others() -> None:
    world = World(replica("a", sequences=1), policy=Policy())
    for _ in range(2):
        await world.hold(asked("busy"))
    first, second = (asyncio.create_task(world.hold(asked("t"))) for _ in range(2))
    await asyncio.sleep(0)
    world.fleet.ready = ()
    line = world.router.line("test.base")
    first.cancel()
    line._look()
    line._turn_away()
    ended = await asyncio.gather(first, second, return_exceptions=True)
    assert [type(one).__name__ for one in ended] == ["CancelledError", "Unavailable"]


async def _at_once(_: object) -> None:
    return None
