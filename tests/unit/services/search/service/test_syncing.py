"""A sync of a bucket: what each kind of change counts as, and what is found afterwards."""

import re

import pytest

from kit.errors import NotFound
from services.search.service import preparing
from tests.unit.services.search.service.world import BERT, Corpus, World

PEOPLE = "about,city\nAnn paints.,Oslo\nBob sings.,Rome\n"
BY_ROW = {
    "type": "RECORD_BASED_STRUCTURE_METADATA",
    "recordBasedStructureMetadata": {
        "contentFields": [{"fieldName": "about"}],
        "metadataFieldsSpecification": {"fieldsToInclude": [{"fieldName": "city"}]},
    },
}


@pytest.fixture
async def corpus(world: World) -> Corpus:
    return await world.corpus()


async def test_new_changed_and_gone_documents_are_counted_and_found(corpus: Corpus) -> None:
    corpus.put("a.txt", "Apples are red.")
    corpus.put("b.txt", "Bananas are yellow.")
    assert await corpus.sync() == {"scanned": 2, "new": 2}
    assert await corpus.texts() == {"Apples are red.", "Bananas are yellow."}
    corpus.put("a.txt", "Apples are green.")
    del corpus.files["b.txt"]
    corpus.put("c.txt", "Cherries are small.")
    assert await corpus.sync() == {"scanned": 2, "new": 1, "modified": 1, "deleted": 1}
    assert await corpus.texts() == {"Apples are green.", "Cherries are small."}
    assert await corpus.sync() == {"scanned": 2}
    await corpus.ends_clean()
    assert ("search:EraseDocument", corpus.uri("b.txt")) in corpus.world.audited


async def test_an_empty_bucket_syncs_to_nothing(corpus: Corpus) -> None:
    assert await corpus.sync() == {}


async def test_a_sidecar_comes_changes_and_goes_without_embedding_again(corpus: Corpus) -> None:
    corpus.put("a.txt", "Apples are red.")
    await corpus.sync()
    embedded = len(corpus.world.embedder.embedded)
    for colour in ("red", "green"):
        corpus.describe("a.txt", colour=colour)
        counted = await corpus.sync()
        assert counted == {"scanned": 1, "metadata_scanned": 1, "metadata_modified": 1}
        [one] = await corpus.retrieve(
            "Apples", filter={"equals": {"key": "colour", "value": colour}}
        )
        assert one.metadata["colour"] == colour
        assert one.similarity == pytest.approx(0.7, abs=0.3)
    red = {"equals": {"key": "colour", "value": "red"}}
    assert await corpus.texts(filter=red) == set()
    del corpus.files["a.txt.metadata.json"]
    assert await corpus.sync() == {"scanned": 1, "metadata_modified": 1}
    assert "colour" not in (await corpus.retrieve("Apples"))[0].metadata
    assert len(corpus.world.embedder.embedded) == embedded
    await corpus.ends_clean()


async def test_rows_keep_their_own_attributes_when_the_sidecar_changes(corpus: Corpus) -> None:
    corpus.put("p.csv", PEOPLE, structure=BY_ROW, kind="people")
    await corpus.sync()
    embedded = len(corpus.world.embedder.embedded)
    corpus.describe("p.csv", structure=BY_ROW, kind="artists")
    assert (await corpus.sync())["metadata_modified"] == 1
    both = {
        "andAll": [
            {"equals": {"key": "city", "value": "Rome"}},
            {"equals": {"key": "kind", "value": "artists"}},
        ]
    }
    [one] = await corpus.retrieve("anyone", filter=both)
    assert "Bob" in one.text
    assert len(corpus.world.embedder.embedded) == embedded


async def test_a_sidecar_that_stops_reading_by_row_cuts_the_document_anew(corpus: Corpus) -> None:
    corpus.put("p.csv", PEOPLE, structure=BY_ROW, kind="people")
    await corpus.sync()
    assert len(await corpus.texts()) == 2
    del corpus.files["p.csv.metadata.json"]
    assert (await corpus.sync())["modified"] == 1
    assert len(await corpus.texts()) == 1
    await corpus.ends_clean()


async def test_content_and_sidecar_changed_together_count_as_both(corpus: Corpus) -> None:
    corpus.put("a.txt", "Apples are red.", colour="red")
    await corpus.sync()
    corpus.put("a.txt", "Apples are green.", colour="green")
    counted = await corpus.sync()
    assert (counted["modified"], counted["metadata_modified"]) == (1, 1)


@pytest.mark.parametrize(
    ("sidecar", "reason"),
    [
        (b"{not json", "not valid JSON"),
        (b'{"metadataAttributes": {"a": "' + b"x" * 11_000 + b'"}}', "larger than 10 KB"),
        (b'{"metadataAttributes": {"a": "\\ud800"}}', "not valid Unicode"),
    ],
)
async def test_a_bad_sidecar_fails_its_document_and_the_earlier_version_stays(
    corpus: Corpus, sidecar: bytes, reason: str
) -> None:
    corpus.put("a.txt", "Apples are red.", colour="red")
    corpus.put("b.txt", "Bananas are yellow.")
    await corpus.sync()
    corpus.files["a.txt.metadata.json"] = sidecar
    assert (await corpus.sync())["failed"] == 1
    failed = await corpus.status(corpus.uri("a.txt"))
    assert failed.status == "FAILED"
    assert reason in (failed.reason or "")
    assert await corpus.texts() == {"Apples are red.", "Bananas are yellow."}
    corpus.describe("a.txt", colour="red")
    assert "failed" not in await corpus.sync()
    assert (await corpus.status(corpus.uri("a.txt"))).status == "INDEXED"


async def test_a_sidecar_without_its_document_is_no_document(corpus: Corpus) -> None:
    corpus.put("a.txt", "Apples are red.", colour="red")
    await corpus.sync()
    del corpus.files["a.txt"]
    assert await corpus.sync() == {"deleted": 1}
    assert await corpus.texts() == set()


async def test_a_document_that_loses_its_text_is_failed_and_no_longer_found(corpus: Corpus) -> None:
    """What it said has left its source, perhaps because somebody asked to be forgotten."""
    corpus.put("a.txt", "Ann lives in Oslo.")
    await corpus.sync()
    corpus.put("a.txt", " \n")
    assert await corpus.sync() == {"scanned": 1, "failed": 1}
    assert await corpus.texts() == set()
    assert "no text" in ((await corpus.status(corpus.uri("a.txt"))).reason or "")
    await corpus.ends_clean()
    corpus.put("a.txt", "Bob lives in Rome.")
    assert await corpus.sync() == {"scanned": 1, "new": 1}


@pytest.mark.parametrize(
    "key",
    [
        "../../etc/passwd.txt",
        "/a//b.txt",
        "Ünï/ö \u202e\u0301 %2e.txt",
        "k" * 1000 + ".txt",
        "a.txt?b#c.txt",
    ],
)
async def test_a_key_stays_a_key(corpus: Corpus, key: str) -> None:
    corpus.put(key, "Apples are red.", colour="red")
    assert (await corpus.sync())["new"] == 1
    [one] = await corpus.retrieve("Apples")
    assert (one.document, one.metadata["colour"]) == (corpus.uri(key), "red")


async def test_documents_of_the_same_content_are_kept_apart(corpus: Corpus) -> None:
    for key in ("a.txt", "b.txt"):
        corpus.put(key, "Apples are red.")
    await corpus.sync()
    del corpus.files["a.txt"]
    await corpus.sync()
    assert [one.document for one in await corpus.retrieve("Apples")] == [corpus.uri("b.txt")]


async def test_only_keys_under_the_prefix_are_documents(world: World) -> None:
    corpus = await world.corpus(prefix="in/")
    corpus.put("in/a.txt", "Apples are red.")
    corpus.put("out/b.txt", "Bananas are yellow.")
    assert await corpus.sync() == {"scanned": 1, "new": 1}


async def test_a_bucket_of_another_tenant_is_as_absent_as_a_missing_one(world: World) -> None:
    corpus = await world.corpus()
    theirs = await world.corpus(BERT)
    world.buckets.held[BERT.tenant, corpus.bucket] = world.buckets.held.pop(
        (corpus.who.tenant, corpus.bucket)
    )
    for one in (corpus, theirs):
        world.buckets.held.pop((BERT.tenant, theirs.bucket), None)
        with pytest.raises(NotFound, match="There is no bucket"):
            await world.run((await one.start()).job)


async def test_hierarchical_children_are_searched_and_parents_returned(world: World) -> None:
    levels = [{"maxTokens": 60}, {"maxTokens": 12}]
    chunking = {
        "chunkingStrategy": "HIERARCHICAL",
        "hierarchicalChunkingConfiguration": {"levelConfigurations": levels, "overlapTokens": 1},
    }
    corpus = await world.corpus(chunking=chunking)
    sentences = [f"Station {n} lies beside the river and sells tickets." for n in range(12)]
    corpus.put("a.txt", " ".join(sentences), kind="guide")
    await corpus.sync()
    found = await corpus.retrieve("station 3 tickets")
    assert len(found) < await world.index.count(corpus.base)
    assert len({one.chunk for one in found}) == len(found)
    assert any(sentences[3] in one.text and sentences[4] in one.text for one in found)
    corpus.describe("a.txt", kind="book")
    await corpus.sync()
    again = await corpus.retrieve("station 3", filter={"equals": {"key": "kind", "value": "book"}})
    assert {one.text for one in again} == {one.text for one in found}
    await corpus.ends_clean()


async def test_a_document_of_too_many_pieces_is_refused_with_what_to_do(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparing, "_MOST_PIECES", 3)
    corpus.put("a.txt", "Apples are red. " * 1000)
    corpus.put("b.txt", "Bananas are yellow.")
    assert await corpus.sync() == {"scanned": 2, "new": 1, "failed": 1}
    told = (await corpus.status(corpus.uri("a.txt"))).reason
    assert told is not None
    assert re.fullmatch(r"This document makes \d+ pieces; it may make 3: split it\.", told)
    assert len(corpus.world.embedder.embedded) == 1
