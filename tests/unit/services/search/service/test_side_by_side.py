"""Jobs that meet at one document, and attempts that are over but do not know it."""

import asyncio
from typing import Any

import pytest

from contracts.search import ingestion as i
from kit.errors import Conflict
from kit.jobs.ports import JobLost
from tests.unit.services.search.service.world import ANNA, Corpus, World


@pytest.fixture
async def custom(world: World) -> Corpus:
    return await world.source(await world.base(), custom=True)


class Gate:
    """Holds the first index write until it is opened."""

    def __init__(self, world: World) -> None:
        self.reached, self.opened = asyncio.Event(), asyncio.Event()
        self._upsert = world.index.upsert
        world.index.upsert = self._wait  # type: ignore[method-assign]

    async def _wait(self, *args: Any) -> None:
        if not self.reached.is_set():
            self.reached.set()
            await self.opened.wait()
        await self._upsert(*args)


def step(corpus: Corpus, id: str, fence: i.Fence, ingestion: str | None = None) -> i.RunStep:
    planned = i.PlannedStep(document=id, action="index")
    return i.RunStep(**corpus.scope, ingestion=ingestion, step=planned, fence=fence)


async def test_of_two_jobs_at_one_document_one_commits_and_none_loses_points(world: World) -> None:
    """The slow one has not seen the quick one's commit, and must not condemn its points."""
    corpus = await world.corpus()
    corpus.put("a.txt", "Apples are red.")
    started = await corpus.start()
    fence = world.claim(started.job)
    sync = step(corpus, corpus.uri("a.txt"), fence, started.id)
    await corpus.world.direct.put(
        ANNA,
        i.PutDocuments(**corpus.scope, documents=[i.DirectDocument(id=corpus.uri("a.txt"))]),
    )
    [direct] = world.jobs_in("queued")
    gate = Gate(world)
    slow = asyncio.create_task(world.ingesting.step(ANNA, sync))
    await gate.reached.wait()
    await world.run(direct)
    gate.opened.set()
    with pytest.raises(Conflict):
        await slow
    await world.run(started.job, fence)
    assert await corpus.texts() == {"Apples are red."}
    await corpus.ends_clean()


async def test_a_stale_look_does_not_condemn_what_was_committed_meanwhile(world: World) -> None:
    corpus = await world.corpus()
    corpus.put("a.txt", "Apples are red.")
    started = await corpus.start()
    fence = world.claim(started.job)
    ask = step(corpus, corpus.uri("a.txt"), fence, started.id)
    embed, reached, opened = world.embedder.embed, asyncio.Event(), asyncio.Event()

    async def slowly(*args: Any, **kwargs: Any) -> Any:
        if not reached.is_set():
            reached.set()
            await opened.wait()
        return await embed(*args, **kwargs)

    world.embedder.embed = slowly  # type: ignore[method-assign]
    slow = asyncio.create_task(world.ingesting.step(ANNA, ask))
    await reached.wait()
    await world.ingesting.step(ANNA, ask)
    opened.set()
    with pytest.raises(Conflict):
        await slow
    assert (await world.run(started.job, fence)).new == 1
    assert await corpus.texts() == {"Apples are red."}
    await corpus.ends_clean()


async def test_a_zombie_writes_nothing_and_leaves_nothing(world: World) -> None:
    corpus = await world.corpus()
    corpus.put("a.txt", "Apples are red.")
    started = await corpus.start()
    old = world.claim(started.job)
    gate = Gate(world)
    ask = step(corpus, corpus.uri("a.txt"), old, started.id)
    zombie = asyncio.create_task(world.ingesting.step(ANNA, ask))
    await gate.reached.wait()
    counted = await world.run(started.job)
    gate.opened.set()
    with pytest.raises(JobLost):
        await zombie
    assert counted.new == 1
    assert await corpus.texts() == {"Apples are red."}
    await corpus.ends_clean()


async def test_a_document_put_in_while_it_is_deleted_keeps_its_new_points(custom: Corpus) -> None:
    world = custom.world
    await custom.put_direct("d", "The first text.")
    await world.run_all()
    await custom.delete_direct("d")
    [deletion] = world.jobs_in("queued")
    delete, reached, opened = world.index.delete, asyncio.Event(), asyncio.Event()

    async def slowly(*args: Any) -> None:
        if not reached.is_set():
            reached.set()
            await opened.wait()
        await delete(*args)

    world.index.delete = slowly  # type: ignore[method-assign]
    deleting = asyncio.create_task(world.run(deletion))
    await reached.wait()
    await custom.put_direct("d", "The second text.")
    await world.run_all()
    opened.set()
    await deleting
    assert await custom.texts() == {"The second text."}
    assert (await custom.status("d")).status == "INDEXED"
    await custom.ends_clean()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_the_last_direct_request_decides_in_whatever_order_jobs_run(
    custom: Corpus, order: tuple[int, int]
) -> None:
    world = custom.world
    await custom.put_direct("d", "The first text.")
    await world.run_all()
    await custom.delete_direct("d")
    await custom.put_direct("d", "The second text.")
    jobs = world.jobs_in("queued")
    for n in order:
        await world.run(jobs[n])
    assert await custom.texts() == {"The second text."}
    await custom.put_direct("d", "The third text.")
    await custom.delete_direct("d")
    jobs = world.jobs_in("queued")
    for n in order:
        await world.run(jobs[n])
    assert await custom.texts() == set()
    assert (await custom.status("d")).status == "NOT_FOUND"
    await custom.ends_clean()


async def test_a_document_that_vanishes_between_plan_and_step_is_not_counted(world: World) -> None:
    corpus = await world.corpus()
    corpus.put("a.txt", "Apples are red.")
    started = await corpus.start()
    fence = world.claim(started.job)
    del corpus.files["a.txt"]
    await world.ingesting.step(ANNA, step(corpus, corpus.uri("a.txt"), fence, started.id))
    counted = await world.run(started.job, fence)
    assert (counted.new, counted.deleted, counted.failed) == (0, 0, 0)
    assert (await corpus.status(corpus.uri("a.txt"))).status == "NOT_FOUND"
    await corpus.ends_clean()
