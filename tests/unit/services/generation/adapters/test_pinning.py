"""Adapters that stay loaded: whose, how many, and until when."""

from pathlib import Path

import pytest

from contracts.generation import adapters as a
from kit.errors import Conflict, NotFound
from tests.unit.services.generation.adapters.making import adapter, archive
from tests.unit.services.generation.adapters.world import ANNA, BERT, World, open_world


async def pinned(world: World) -> list[str]:
    return [one.adapter.digest for one in await world.registry.desired() if one.pinned]


async def made(world: World, seed: int) -> a.Adapter:
    return await world.add(archive(("es", adapter(seed=seed))))


async def test_what_is_pinned_is_wanted_everywhere_until_it_is_let_go(world: World) -> None:
    first, second = await made(world, 1), await made(world, 2)
    assert (await world.adapters.pin(ANNA, second.digest)).pinned
    await world.adapters.pin(ANNA, second.digest)
    await world.adapters.pin(ANNA, first.digest)
    assert await pinned(world) == [second.digest, first.digest], "the oldest pin comes first"
    assert (await world.adapters.quota(ANNA)).pins_used == 2

    assert not (await world.adapters.unpin(ANNA, second.digest)).pinned
    assert await pinned(world) == [first.digest]
    await world.adapters.delete(ANNA, first.digest)
    assert (await world.adapters.quota(ANNA)).pins_used == 0
    told = await world.audited()
    assert (told.count("PinAdapter"), told.count("UnpinAdapter")) == (3, 1)


async def test_a_tenant_pins_no_more_than_it_may(tmp_path: Path) -> None:
    async with open_world(tmp_path, adapter_pins=1) as world:
        first, second = await made(world, 1), await made(world, 2)
        await world.adapters.pin(ANNA, first.digest)
        with pytest.raises(Conflict, match="You may pin 1 adapters"):
            await world.adapters.pin(ANNA, second.digest)
        assert await pinned(world) == [first.digest]


async def test_the_pins_of_all_tenants_leave_half_of_the_places(tmp_path: Path) -> None:
    async with open_world(tmp_path, vllm_max_cpu_loras=2, vllm_max_loras=1) as world:
        first = await made(world, 1)
        other = await world.add(archive(("es", adapter(seed=2))), who=BERT)
        await world.adapters.pin(ANNA, first.digest)
        with pytest.raises(Conflict, match="no place left"):
            await world.adapters.pin(BERT, other.digest)
        same = await world.add(archive(("es", adapter(seed=1))), who=BERT)
        await world.adapters.pin(BERT, same.digest)  # takes no place of its own
        assert await pinned(world) == [first.digest]


async def test_only_an_own_and_ready_adapter_is_pinned(world: World) -> None:
    first = await made(world, 1)
    await world.adapters.grant(ANNA, a.Grant(digest=first.digest, account=BERT.account))
    with pytest.raises(NotFound):
        await world.adapters.pin(BERT, first.digest)
    await world.adapters.pin(ANNA, first.digest)
    assert not (await world.adapters.get(BERT, first.digest)).pinned
    refused = await world.add(archive(("es", adapter(b=0.0))))
    with pytest.raises(Conflict, match="is refused"):
        await world.adapters.pin(ANNA, refused.digest)
