"""Deletions of data sources and knowledge bases, and jobs that end without a word."""

import pytest
from sqlalchemy import func, select, update

from contracts.search import ingestion as i
from contracts.search import knowledge_bases as k
from kit.errors import Conflict, InvalidRequest, NotFound
from kit.jobs.tables import jobs
from services.search.repository import tables
from services.search.service import removing
from tests.unit.services.search.service.world import ANNA, BERT, Corpus, World

ROWS = (
    tables.documents,
    tables.chunks,
    tables.point_versions,
    tables.data_sources,
    tables.ingestions,
    tables.custom_documents,
)


async def remove(world: World) -> int:
    """Runs the removal that waits; how many calls it took."""
    [job] = world.jobs_in("queued", kind="removal")
    given, fence, calls = world.job_input(job), world.claim(job), 0
    ask = i.RemoveResources(
        knowledge_base=given["knowledge_base"], data_source=given.get("data_source"), fence=fence
    )
    while (await world.removing.remove(ANNA, ask)).more:
        calls += 1
    assert not (await world.removing.remove(ANNA, ask)).more  # a call too many
    return calls


def end(world: World, job: str, state: str) -> None:
    error = {"code": "internal", "message": "It broke."}
    query = update(jobs).where(jobs.c.id == job).values(state=state, error=error)
    world.database.write_now(lambda c: c.execute(query))


def left(world: World) -> list[int]:
    return [
        world.database.read_now(
            lambda c, t=table: c.execute(select(func.count()).select_from(t)).scalar_one()
        )
        for table in ROWS
    ]


@pytest.mark.parametrize("policy", ["DELETE", "RETAIN"])
async def test_a_data_source_is_deleted_with_its_documents_or_without(
    world: World, monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    monkeypatch.setattr(removing, "_AT_A_TIME", 2)
    corpus = await world.corpus(deletion_policy=policy)
    for n in range(5):
        corpus.put(f"{n}.txt", f"Apples number {n}.")
    await corpus.sync()
    which = k.DataSourceId(knowledge_base=corpus.base, id=corpus.source)
    assert (await world.bases.delete_source(ANNA, which)).status == "DELETING"
    with pytest.raises(NotFound):
        await corpus.start()
    calls = await remove(world)
    with pytest.raises(NotFound):
        await world.bases.source(ANNA, which)
    assert calls == (3 if policy == "DELETE" else 0)
    assert len(await corpus.texts()) == (0 if policy == "DELETE" else 5)
    await corpus.ends_clean()


async def test_a_knowledge_base_goes_with_everything_in_it(world: World) -> None:
    corpus = await world.corpus()
    for n in range(20):
        corpus.put(f"{n}.txt", f"Apples number {n}.")
    await corpus.sync()
    with pytest.raises(NotFound):
        await world.bases.delete(BERT, corpus.base)
    await world.bases.delete(ANNA, corpus.base)
    with pytest.raises(Conflict):
        await corpus.retrieve("apples")
    await remove(world)
    with pytest.raises(NotFound):
        await world.bases.get(ANNA, corpus.base)
    assert left(world) == [0] * len(ROWS)


async def test_a_direct_document_in_flight_does_not_outlive_its_data_source(world: World) -> None:
    corpus = await world.source(await world.base(), custom=True)
    await corpus.put_direct("d", "Apples are red.")
    [job] = world.jobs_in("queued")
    fence = world.claim(job)
    await world.bases.delete_source(
        ANNA, k.DataSourceId(knowledge_base=corpus.base, id=corpus.source)
    )
    with pytest.raises(NotFound, match="being deleted"):
        await world.run(job, fence)
    await remove(world)
    assert left(world)[:4] == [0, 0, 0, 0]


async def test_an_ingestion_whose_job_died_is_failed_and_another_may_start(world: World) -> None:
    corpus = await world.corpus()
    started = await corpus.start()
    with pytest.raises(Conflict, match="still running"):
        await corpus.start()
    end(world, started.job, "dead")
    told = await world.ingestion.get(ANNA, i.IngestionId(**corpus.scope, id=started.id))
    assert (told.status, told.failure_reasons) == ("FAILED", ["It broke."])
    assert await corpus.sync() == {}


async def test_a_direct_document_whose_job_died_is_failed(world: World) -> None:
    corpus = await world.source(await world.base(), custom=True)
    await corpus.put_direct("d", "Apples are red.")
    [job] = world.jobs_in("queued")
    end(world, job, "dead")
    told = await corpus.status("d")
    assert (told.status, told.reason) == ("FAILED", "It broke.")


async def test_a_queued_ingestion_is_stopped_at_once_and_a_running_one_is_asked(
    world: World,
) -> None:
    corpus = await world.corpus()
    queued = await corpus.start()
    which = i.IngestionId(**corpus.scope, id=queued.id)
    assert (await world.ingestion.stop(ANNA, which)).status == "STOPPED"
    running = await corpus.start()
    fence = world.claim(running.job)
    which = i.IngestionId(**corpus.scope, id=running.id)
    assert (await world.ingestion.stop(ANNA, which)).status == "STOPPING"
    ask = i.PlanIngestion(**corpus.scope, ingestion=running.id, fence=fence)
    await world.ingesting.plan(ANNA, ask)
    assert (await world.ingestion.get(ANNA, which)).status == "STOPPING"
    stop = i.FinishIngestion(**corpus.scope, ingestion=running.id, fence=fence, stopped=True)
    await world.ingesting.finish(ANNA, stop)
    assert (await world.ingestion.get(ANNA, which)).status == "STOPPED"


@pytest.mark.parametrize("id", ["s3://other/a.txt", "a.txt", "s3://{bucket}/a.txt.metadata.json"])
async def test_a_bucket_takes_only_its_own_documents_by_name(world: World, id: str) -> None:
    corpus: Corpus = await world.corpus()
    document = i.DirectDocument(id=id.format(bucket=corpus.bucket))
    with pytest.raises(InvalidRequest):
        await world.direct.put(ANNA, i.PutDocuments(**corpus.scope, documents=[document]))


async def test_content_that_is_not_where_it_should_be_fails_its_document(world: World) -> None:
    corpus = await world.source(await world.base(), custom=True)
    document = i.DirectDocument(id="d", source_uri="s3://nowhere/a.txt")
    await world.direct.put(ANNA, i.PutDocuments(**corpus.scope, documents=[document]))
    await world.run_all()
    told = await corpus.status("d")
    assert (told.status, told.reason) == ("FAILED", "There is nothing at s3://nowhere/a.txt.")


async def test_the_mean_length_is_measured_again_when_a_corpus_outgrows_it(world: World) -> None:
    corpus = await world.corpus()
    corpus.put("a.txt", "Apples.")
    await corpus.sync()
    query = select(tables.knowledge_bases.c.average_length)
    first = world.database.read_now(lambda c: c.execute(query).scalar_one())
    for n in range(6):
        corpus.put(f"{n}.txt", "Pears plums figs dates limes melons grapes cherries.")
    await corpus.sync()
    later = world.database.read_now(lambda c: c.execute(query).scalar_one())
    assert first < 2 < later
