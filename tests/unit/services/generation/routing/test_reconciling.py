"""Adapters brought to replicas: everywhere, whatever goes wrong with one of them."""

import asyncio
from collections.abc import Collection

from typing_extensions import override

from kit.errors import Unavailable
from services.generation.ports import Replica, Usable
from services.generation.service.routing.policy import Policy
from services.generation.service.routing.residency import Residency
from services.generation.service.routing.router import Router
from tests.unit.services.generation.routing.test_router import Admin, World
from tests.unit.services.generation.routing.world import MODEL, adapter, asked, replica


class Told(Admin):
    """`trouble` is what an unload raises at the replica of that id."""

    def __init__(self) -> None:
        super().__init__()
        self.trouble: dict[str, Exception] = {}
        self.kept: set[str] = set()

    @override
    async def unload(self, replica: Replica, digest: str) -> None:
        if replica.id in self.trouble:
            raise self.trouble[replica.id]
        await super().unload(replica, digest)

    @override
    async def keep(self, replicas: Collection[str]) -> None:
        self.kept = set(replicas)


class Kept(World):
    """Two replicas; `usable` is what may be used."""

    def __init__(self, *usable: Usable, policy: Policy | None = None) -> None:
        super().__init__(replica("a"), replica("b"), policy=policy or Policy())
        self.usable, self.told = list(usable), Told()
        self.router = Router(
            self.fleet, self.told, policy or Policy(), self.clock, desired=self.desired
        )
        self.router.line(MODEL.id)

    async def desired(self) -> list[Usable]:
        return self.usable

    def has(self) -> dict[str, set[str]]:
        return {id: set(digests) for id, digests in self.told.has.items() if digests}


def usable(name: str, *, pinned: bool = False) -> Usable:
    return Usable(MODEL.id, adapter(name), pinned)


async def test_what_may_be_used_no_more_is_unloaded_everywhere() -> None:
    world = Kept(usable("es", pinned=True), usable("fr", pinned=True))
    await world.router.reconcile()
    both = {adapter("es").digest, adapter("fr").digest}
    assert world.has() == {"a": both, "b": both}
    world.usable[1] = Usable("another.base", adapter("fr"), pinned=True)
    await world.router.reconcile()
    assert world.has() == {"a": {adapter("es").digest}, "b": {adapter("es").digest}}


async def test_a_replica_that_unloads_nothing_keeps_no_other_from_it() -> None:
    for trouble in (Unavailable("away"), KeyError("a bug")):
        world = Kept(usable("es", pinned=True))
        await world.router.reconcile()
        world.told.trouble["a"] = trouble
        world.usable = []
        await world.router.reconcile()
        assert world.has() == {"a": {adapter("es").digest}}
        world.told.trouble = {}
        await world.router.reconcile()
        assert world.has() == {}


async def test_reconciling_goes_on_after_a_bug() -> None:
    world = Kept(policy=Policy(reconciled_every=0.01))
    asks = 0

    async def desired() -> list[Usable]:
        nonlocal asks
        asks += 1
        raise KeyError("a bug")

    world.router = Router(
        world.fleet, world.told, Policy(reconciled_every=0.01), world.clock, desired=desired
    )
    world.router.start([])
    await asyncio.sleep(0.1)
    await world.router.close()
    assert asks > 1


async def test_an_adapter_that_goes_while_room_is_made_is_not_unloaded_twice() -> None:
    admin = Told()
    kept = Residency(replica("a", adapters=1), admin, 2, lambda _: False)
    for name in ("one", "two"):
        await kept.ensure(adapter(name))
    unload = admin.unload

    async def forgets(replica: Replica, digest: str) -> None:
        kept.lost(adapter("two").digest)
        await unload(replica, digest)

    admin.unload = forgets  # type: ignore[method-assign]
    kept._most = 1
    await kept.ensure(adapter("three"))
    assert list(kept) == [adapter("three").digest]


async def test_a_pinned_adapter_stays_whatever_else_is_asked_for() -> None:
    world = Kept(usable("es", pinned=True), usable("fr"), usable("de"), policy=Policy(adapters=2))
    await world.router.reconcile()
    for name in ("fr", "de", "fr", "de"):
        await world.hold(asked("t", adapter(name)))
        await world.held.aclose()
    await world.router.reconcile()
    assert all(adapter("es").digest in world.told.has[id] for id in ("a", "b"))
    assert sum(digest == adapter("es").digest for _, digest in world.told.loads) == 2


async def test_pins_leave_places_to_others() -> None:
    world = Kept(*(usable(str(n), pinned=True) for n in range(4)), policy=Policy(pinned=2))
    await world.router.reconcile()
    first = {adapter("0").digest, adapter("1").digest}
    assert world.has() == {"a": first, "b": first}


async def test_a_replica_that_has_gone_is_kept_until_its_last_answer_has_ended() -> None:
    world = Kept()
    seat = await world.hold(asked())
    other = "b" if seat.replica.id == "a" else "a"
    world.fleet.ready = (replica("new"),)
    await world.router.reconcile()
    assert world.told.kept == {"new", seat.replica.id}
    assert other not in world.told.kept
    await world.held.aclose()
    await world.router.reconcile()
    assert world.told.kept == {"new"}
