"""An adapter whose base is not served for a while is not deleted: its checks wait, and say so."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from contracts.generation import adapters as a
from kit.catalogue import Catalogue
from kit.jobs.finish import finish_job
from kit.jobs.lease import claim
from kit.jobs.tables import jobs
from services.generation.repository.adapters import rows
from services.generation.service.adapters.unfinished import settle_unfinished
from tests.unit.services.generation.adapters.world import ANNA, World, open_world

WAITS = "The base model test.llama is not served here; the checks wait until it is."


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Its jobs run once a test starts the runner."""
    async with open_world(tmp_path, runs_jobs=False) as world:
        yield world


async def test_its_checks_wait_until_the_base_is_served_again(world: World) -> None:
    admitting = world.registry.admitting
    made = await world.add_as("a.tar.gz", 1)
    known = admitting._catalogue
    admitting._catalogue = Catalogue(e for e in known.entries if e.id != "test.llama")
    await world.runner.start()
    async with asyncio.timeout(30):
        while not (found := await world.adapters.get(ANNA, made.digest)).reasons:
            await asyncio.sleep(0.02)
        assert (found.state, found.reasons) == ("checking", [WAITS])
        while (await world.jobs.get(ANNA.tenant, made.job)).state != "queued":
            await asyncio.sleep(0.02)

        admitting._catalogue = known
        await world.database.write(_at_once, made.job)
        found = await world.settled(made)
    assert (found.state, found.reasons) == ("ready", [])
    await world.runner.stop(grace=5.0)


def _at_once(connection: Connection, job: str) -> None:
    connection.execute(update(jobs).where(jobs.c.id == job).values(run_at=0.0))


async def test_where_the_job_is_over_without_a_word_the_adapter_is_not_checked_for_ever(
    world: World,
) -> None:
    made = await world.add_as("a.tar.gz", 1)
    await world.database.write(_succeeds, made.job)
    found = await world.adapters.get(ANNA, made.digest)
    assert (found.state, found.reasons) == (
        "refused",
        ["the checks were stopped; register it again"],
    )
    assert (await world.add_as("a.tar.gz", 1)).job != made.job


async def test_what_becomes_ready_under_such_a_look_stays_ready(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await world.add_as("a.tar.gz", 1)
    await world.database.write(_succeeds, made.job)
    before = await world.database.read(rows.checking, ANNA.tenant)
    await world.database.write(lambda c: rows.change(c, ANNA.tenant, made.digest, state="ready"))
    monkeypatch.setattr(rows, "checking", lambda *_: before)
    assert not await world.database.write(settle_unfinished, ANNA.tenant)
    assert (await world.adapters.get(ANNA, made.digest)).state == "ready"


def _succeeds(connection: Connection, job: str) -> None:
    attempt = claim(connection, job, kinds=[a.ADMISSION], owner="x", lease=600.0)
    assert attempt is not None
    finish_job(connection, job, attempt.epoch, {})
