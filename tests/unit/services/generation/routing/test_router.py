"""The router over replicas in memory: what waits, what is refused at once, and what is loaded."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack

import pytest

from kit.errors import RateLimited, Unavailable
from services.generation.ports import AdapterRef, Asked, Replica
from services.generation.service.routing.line import Seat
from services.generation.service.routing.policy import Policy
from services.generation.service.routing.router import Router
from tests.unit.services.generation.routing.world import Clock, Fleet, adapter, asked, replica


class Admin:
    """Remembers what it was asked; `gate` holds loads back."""

    def __init__(self) -> None:
        self.has: dict[str, set[str]] = {}
        self.loads: list[tuple[str, str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails = False

    async def load(self, replica: Replica, adapter: AdapterRef) -> None:
        self.loads.append((replica.id, adapter.digest))
        await self.gate.wait()
        if self.fails:
            raise Unavailable("away")
        self.has.setdefault(replica.id, set()).add(adapter.digest)

    async def unload(self, replica: Replica, digest: str) -> None:
        self.has[replica.id].discard(digest)

    async def loaded(self, replica: Replica) -> set[str]:
        return set(self.has.get(replica.id, ()))

    async def keep(self, replicas: Collection[str]) -> None:
        return None


class World:
    def __init__(self, *replicas: Replica, policy: Policy) -> None:
        self.clock, self.admin, self.fleet = Clock(), Admin(), Fleet(*replicas)
        self.router = Router(self.fleet, self.admin, policy, self.clock)
        self.held = AsyncExitStack()

    async def hold(self, ask: Asked, used: int | None = None) -> Seat:
        """A seat that is kept until the test ends it."""

        async def begin(seat: Seat) -> None:
            seat.used = used

        seat, _ = await self.held.enter_async_context(self.router.begun(ask, begin))
        return seat


@pytest.fixture
async def world() -> AsyncIterator[World]:
    policy = Policy(queue=6, tenant_queue=3, patience=2.0, adapters=3)
    made = World(replica("a", sequences=1, adapters=1), policy=policy)
    yield made
    await made.held.aclose()
    await made.router.close()


async def fill(world: World) -> None:
    """Both places of the replica: one that runs, one that stands ready."""
    for _ in range(2):
        await world.hold(asked("busy"))


async def test_a_tenant_with_too_much_in_line_is_limited_and_others_are_not(world: World) -> None:
    await fill(world)
    waiting = [asyncio.create_task(world.hold(asked("t"))) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(RateLimited) as refused:
        await world.hold(asked("t"))
    assert refused.value.retry_after
    waiting += [asyncio.create_task(world.hold(asked(f"u{n}"))) for n in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await world.hold(asked("late"))
    assert world.fleet.told == 8
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert world.fleet.told == 2


async def test_a_direct_request_is_not_refused_for_the_lines_of_its_tenants_batches(
    world: World,
) -> None:
    await fill(world)
    lines = [asyncio.create_task(world.hold(asked("t", background=True))) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(RateLimited, match="3 requests"):
        await world.hold(asked("t", background=True))
    direct = asyncio.create_task(world.hold(asked("t")))
    await asyncio.sleep(0)
    held, world.held = world.held, AsyncExitStack()
    await held.aclose()
    assert (await asyncio.wait_for(direct, 1)).replica.id == "a"
    assert not any(line.done() for line in lines)
    for line in lines:
        line.cancel()
    await asyncio.gather(*lines, return_exceptions=True)


async def test_a_wait_that_would_be_too_long_is_refused_at_once(world: World) -> None:
    await world.hold(asked("busy"), used=10)
    world.clock.now += 10.0  # ten tokens in ten seconds
    await world.held.aclose()
    await fill(world)
    first = asyncio.create_task(world.hold(asked("t", max_tokens=100)))
    await asyncio.sleep(0)
    with pytest.raises(RateLimited, match="wait for"):
        await world.hold(asked("t", max_tokens=100))
    first.cancel()


async def test_whoever_waits_longer_than_its_patience_is_told_to_come_back(world: World) -> None:
    await fill(world)
    with pytest.raises(Unavailable, match="no time"):
        await world.hold(asked("t"))
    assert world.fleet.told == 2


async def test_those_who_wait_are_told_when_the_last_replica_goes(world: World) -> None:
    await fill(world)
    waiting = asyncio.create_task(world.hold(asked("t")))
    await asyncio.sleep(0)
    world.fleet.ready = ()
    with pytest.raises(Unavailable, match="have gone"):
        await asyncio.wait_for(waiting, 1)


async def test_a_place_that_falls_free_goes_to_the_next_in_line(world: World) -> None:
    await fill(world)
    waiting = asyncio.create_task(world.hold(asked("t")))
    await asyncio.sleep(0)
    held, world.held = world.held, AsyncExitStack()
    await held.aclose()
    assert (await asyncio.wait_for(waiting, 1)).replica.id == "a"


async def test_an_adapter_is_fetched_while_its_request_still_waits(world: World) -> None:
    await fill(world)
    es = adapter("es")
    waiting = asyncio.create_task(world.hold(asked("t", es)))
    await asyncio.sleep(0.01)
    assert world.admin.loads == [("a", es.digest)]
    waiting.cancel()


async def test_many_who_need_one_adapter_wait_for_one_load() -> None:
    world = World(replica("a"), policy=Policy())
    world.admin.gate.clear()
    waiting = [asyncio.create_task(world.hold(asked("t", adapter("es")))) for _ in range(4)]
    await asyncio.sleep(0.01)
    waiting[0].cancel()
    world.admin.gate.set()
    await asyncio.gather(*waiting[1:])
    assert len(world.admin.loads) == 1
    await world.held.aclose()


async def test_a_load_that_fails_is_tried_on_another_replica_and_again_later() -> None:
    world = World(replica("a"), replica("b"), policy=Policy())
    world.admin.fails = True
    with pytest.raises(Unavailable, match="away"):
        await world.hold(asked("t", adapter("es")))
    assert {id for id, _ in world.admin.loads} == {"a", "b"}
    world.admin.fails = False
    await world.hold(asked("t", adapter("es")))
    await world.held.aclose()


async def test_retries_stop_when_everything_fails() -> None:
    world = World(*(replica(f"r{n}") for n in range(100)), policy=Policy())
    tried: list[str] = []

    async def begin(seat: Seat) -> None:
        tried.append(seat.replica.id)
        raise Unavailable("away")

    for _ in range(30):
        with pytest.raises(Unavailable):
            async with world.router.begun(asked(), begin):
                pass
    assert 30 < len(tried) < 45
