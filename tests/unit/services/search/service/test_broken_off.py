"""A sync that is broken off at any border ends, once resumed, as if nothing had happened."""

from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import func, select

from contracts.search.ingestion import IngestionId
from contracts.search.retrieval import AnswerRequest, RetrievalOptions
from kit.errors import Unavailable
from services.search.engines.index import edge_shard
from services.search.repository.tables import turns
from tests.unit.services.search.service.brittle import Brittle, Died
from tests.unit.services.search.service.world import ANNA, Corpus, World

KEYS = ["blanked.txt", "changed.txt", "failed.txt", "gone.txt", "kept.txt", "new.txt", "tagged.txt"]


async def changed_corpus(world: World) -> tuple[Corpus, list[str]]:
    """One document of each kind of change, and sessions that quote what goes and what stays."""
    corpus = await world.corpus()
    for key in KEYS:
        if key != "new.txt":
            corpus.put(key, f"The old {key} tells of {key.partition('.')[0]} things.", kind="old")
    await corpus.sync()
    sessions = [await ask(corpus, key) for key in ("gone", "changed", "blanked", "tagged", "kept")]
    del corpus.files["gone.txt"]
    corpus.put("blanked.txt", "")
    corpus.put("changed.txt", "The new text is another. " * 9, kind="new")
    corpus.put("new.txt", "The new text is here.", kind="new")
    corpus.describe("tagged.txt", kind="new")
    corpus.files["failed.txt.metadata.json"] = b"{"
    return corpus, sessions


async def ask(corpus: Corpus, word: str) -> str:
    options = RetrievalOptions(results=1, search_type="SEMANTIC")
    question = f"{word} things {word}"
    answer = await corpus.world.answering.answer(
        ANNA,
        AnswerRequest(knowledge_base=corpus.base, question=question, model="m", options=options),
    )
    return answer.session


async def outcome(corpus: Corpus, sessions: list[str], ingestion: str) -> dict[str, Any]:
    await corpus.ends_clean()
    told = await corpus.world.ingestion.get(ANNA, IngestionId(**corpus.scope, id=ingestion))
    remembered = select(turns.c.session, func.count()).group_by(turns.c.session)
    counts = dict(
        corpus.world.database.read_now(lambda c: [tuple(r) for r in c.execute(remembered)])
    )
    new = {"equals": {"key": "kind", "value": "new"}}
    documents = [await corpus.status(corpus.uri(key)) for key in KEYS]
    return {
        "statistics": told.statistics,
        "status": told.status,
        "documents": [(one.status, one.reason, one.chunks) for one in documents],
        "found": sorted(
            (one.document.rpartition("/")[2], one.text, str(one.metadata["kind"]))
            for one in await corpus.retrieve("old new text")
        ),
        "new": await corpus.texts(filter=new),
        "turns": [counts.get(session, 0) for session in sessions],
    }


async def test_what_an_undisturbed_sync_ends_as(world: World) -> None:
    corpus, sessions = await changed_corpus(world)
    started = await corpus.start()
    await world.run(started.job)
    ended = await outcome(corpus, sessions, started.id)
    assert ended["turns"] == [0, 0, 0, 1, 1]
    assert [status for status, *_ in ended["documents"]] == [
        "FAILED", "INDEXED", "FAILED", "NOT_FOUND", "INDEXED", "INDEXED", "INDEXED"
    ]  # fmt: skip
    counted = {name: n for name, n in ended["statistics"].model_dump().items() if n}
    assert counted == {
        "scanned": 6,
        "metadata_scanned": 6,
        "new": 1,
        "modified": 1,
        "metadata_modified": 2,
        "deleted": 1,
        "failed": 2,
    }


@pytest.fixture
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here cuts the power, and there are hundreds of syncs."""
    monkeypatch.setattr(edge_shard, "sync_folder", lambda *_, **__: None)


@pytest.mark.usefixtures("no_waiting_for_the_disk")
@pytest.mark.parametrize(("dies", "apart"), [(True, 2), (False, 3)], ids=["dies", "fails"])
async def test_a_sync_broken_off_at_any_border_ends_right_when_resumed(
    world: World, dies: bool, apart: int
) -> None:
    """Every second or third border, for time's sake; with `apart` 1 it is every one."""
    corpus, sessions = await changed_corpus(world)
    started = await corpus.start()
    await world.run(started.job)
    expected = await outcome(corpus, sessions, started.id)
    brittle, at, broke = Brittle(world, dies=dies), 0, True
    while broke:
        corpus, sessions = await changed_corpus(world)
        started = await corpus.start()
        with brittle.breaking(at):
            with suppress(Died, Unavailable):
                await world.run(started.job)
            broke = brittle.has_broken
        if started.job in world.jobs_in("queued", "running"):
            await world.run(started.job)
        assert await outcome(corpus, sessions, started.id) == expected, f"broken at border {at}"
        at += apart
    assert at > 60


async def test_what_an_attempt_left_behind_is_swept_though_its_document_went_back(
    world: World,
) -> None:
    """No later sync sees a reason to touch the document again."""
    corpus = await world.corpus()
    corpus.put("a.txt", "Apples are red.")
    await corpus.sync()
    corpus.put("a.txt", "Apples are green.")
    job = (await corpus.start()).job
    brittle = Brittle(world, dies=True)
    for at in range(100):  # until the points are there and their commit is not
        with brittle.breaking(at), suppress(Died):
            await world.run(job)
        if await world.index.count(corpus.base) == 2:
            break
    corpus.put("a.txt", "Apples are red.")
    await world.run(job)
    assert await corpus.texts() == {"Apples are red."}
    await corpus.ends_clean()
