"""Whatever takes a document out ends only when no file of the index speaks of it."""

from pathlib import Path

import pytest

from contracts.search import knowledge_bases as k
from tests.unit.services.search.service.test_removing import remove
from tests.unit.services.search.service.world import ANNA, World

WHO = "canary@example"


def speaking(folder: Path) -> list[str]:
    files = (path for path in (folder / "index").rglob("*") if path.is_file())
    return [path.name for path in files if WHO.encode() in path.read_bytes()]


@pytest.mark.parametrize("how", ["deleted", "described anew", "emptied", "source deleted"])
async def test_no_file_speaks_of_what_left_a_source(world: World, tmp_path: Path, how: str) -> None:
    corpus = await world.corpus()
    corpus.put("kept.txt", "The kept text.")
    corpus.put("a.txt", "Their text.", mail=WHO)
    await corpus.sync()
    assert speaking(tmp_path)
    if how == "source deleted":
        which = k.DataSourceId(knowledge_base=corpus.base, id=corpus.source)
        await world.bases.delete_source(ANNA, which)
        await remove(world)
    else:
        if how == "deleted":
            del corpus.files["a.txt"]
            del corpus.files["a.txt.metadata.json"]
        elif how == "emptied":
            corpus.put("a.txt", "", mail=WHO)
        else:
            corpus.describe("a.txt", mail="another")
        await corpus.sync()
    assert speaking(tmp_path) == []
    await corpus.ends_clean()


async def test_no_file_speaks_of_what_was_deleted_by_name(world: World, tmp_path: Path) -> None:
    corpus = await world.corpus()
    corpus.put("kept.txt", "The kept text.")
    corpus.put("a.txt", "Their text.", mail=WHO)
    await corpus.sync()
    assert speaking(tmp_path)
    await corpus.delete_direct(corpus.uri("a.txt"))
    await world.run_all()
    assert speaking(tmp_path) == []
