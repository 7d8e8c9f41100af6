"""What every index does: writes, searches, versions, and answers at the edges."""

import asyncio
from dataclasses import replace

import pytest

from kit.errors import InvalidRequest, NotFound
from services.search.ports import CollectionSpec, Condition, Index, MetadataValue
from tests.contract.index.corpus import SPEC, matching, numbers, point, query, uuid

EAST, NORTH, UP = [1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]


async def test_an_empty_collection_answers_nothing(index: Index) -> None:
    assert await index.search(SPEC, query("anything")) == []
    assert await index.count(SPEC.name) == 0


async def test_creating_a_collection_again_keeps_its_points(index: Index) -> None:
    await index.upsert(SPEC, [point(1)])
    await index.create(SPEC)
    assert await index.count(SPEC.name) == 1


async def test_semantic_scores_are_cosines(index: Index) -> None:
    await index.upsert(SPEC, [point(1, vector=EAST), point(2, vector=[3.0, 4.0, 0.0, 0.0])])
    hits = await index.search(SPEC, query("ignored", vector=EAST, mode="SEMANTIC"))
    assert numbers(hits) == [1, 2]
    assert [hit.score for hit in hits] == pytest.approx([1.0, 0.6], abs=1e-6)
    assert [hit.similarity for hit in hits] == [hit.score for hit in hits]


async def test_a_hit_names_its_document_and_version(index: Index) -> None:
    await index.upsert(SPEC, [point(1, document="s3://b/ü.txt", version=7)])
    [hit] = await index.search(SPEC, query())
    assert (hit.id, hit.document, hit.version) == (uuid(1), "s3://b/ü.txt", 7)


async def test_hybrid_finds_by_words_what_the_vectors_do_not_prefer(index: Index) -> None:
    filler = [point(i, vector=EAST, text="quiet rivers") for i in range(10, 40)]
    await index.upsert(SPEC, [*filler, point(1, vector=NORTH, text="invoice ZX-81 was running")])
    hits = await index.search(SPEC, query("who runs ZX-81?", vector=EAST, limit=40))
    assert numbers(hits)[0] == 1
    semantic = await index.search(SPEC, query("ZX-81", vector=EAST, mode="SEMANTIC", limit=40))
    assert numbers(semantic)[-1] == 1


async def test_first_on_both_sides_scores_one_and_others_less(index: Index) -> None:
    await index.upsert(
        SPEC,
        [point(1, vector=EAST, text="apples"), point(2, vector=NORTH, text="pears")],
    )
    hits = await index.search(SPEC, query("apples", vector=EAST))
    assert numbers(hits) == [1, 2]
    assert hits[0].score == pytest.approx(1.0)
    assert hits[1].score == pytest.approx((1 / 62) / (2 / 61))
    assert [hit.similarity for hit in hits] == pytest.approx([1.0, 0.0], abs=1e-6)


async def test_weights_decide_which_side_wins(index: Index) -> None:
    await index.upsert(
        SPEC,
        [
            point(1, vector=EAST, text="apples, pears and plums"),
            point(2, vector=NORTH, text="apples"),
        ],
    )
    dense = await index.search(SPEC, query("apples", vector=EAST, weights=(3.0, 1.0)))
    sparse = await index.search(SPEC, query("apples", vector=EAST, weights=(1.0, 3.0)))
    assert (numbers(dense)[0], numbers(sparse)[0]) == (1, 2)


async def test_a_text_without_words_falls_back_to_the_vectors(index: Index) -> None:
    await index.upsert(SPEC, [point(1, vector=EAST, text="the"), point(2, vector=UP, text="of")])
    for text in ("", "   ", "the of and", "?!…"):
        hits = await index.search(SPEC, query(text, vector=UP))
        assert numbers(hits) == [2, 1], text
        assert hits[0].score == pytest.approx(1.0)


async def test_equal_scores_come_in_the_order_of_ids(index: Index) -> None:
    await index.upsert(SPEC, [point(i, text="same words") for i in (5, 3, 9, 1, 7)])
    for mode in ("SEMANTIC", "HYBRID"):
        hits = await index.search(SPEC, query("words", mode=mode))
        assert numbers(hits) == [1, 3, 5, 7, 9]


async def test_the_limit_bounds_the_answer_and_may_exceed_the_collection(index: Index) -> None:
    await index.upsert(SPEC, [point(i, text="word") for i in range(7)])
    assert len(await index.search(SPEC, query("word", limit=3))) == 3
    assert len(await index.search(SPEC, query("word", limit=100))) == 7


async def test_an_id_written_twice_is_replaced(index: Index) -> None:
    await index.upsert(SPEC, [point(1, vector=EAST, text="old", metadata={"a": "x", "b": "y"})])
    await index.upsert(SPEC, [point(1, vector=NORTH, text="new", metadata={"a": "z"})])
    assert await index.count(SPEC.name) == 1
    assert await matching(index, Condition("equals", "b", "y")) == set()
    [hit] = await index.search(SPEC, query("new", vector=NORTH))
    assert hit.similarity == pytest.approx(1.0)


async def test_deleting_a_version_keeps_the_others(index: Index) -> None:
    await index.upsert(SPEC, [point(i, version=i // 2) for i in range(6)])
    await index.upsert(SPEC, [point(9, document="other", version=0)])
    for _ in range(2):  # a job that resumes does it again
        await index.delete(SPEC.name, "doc", 1)
        found = await index.search(SPEC, query())
        assert sorted(numbers(found)) == [0, 1, 4, 5, 9]
    await index.delete(SPEC.name, "doc")
    assert await index.count(SPEC.name, document="doc") == 0
    assert await index.count(SPEC.name, document="other") == 1


async def test_vectors_are_given_back_for_the_points_that_are_there(index: Index) -> None:
    await index.upsert(SPEC, [point(1, vector=EAST), point(2, vector=NORTH)])
    found = await index.vectors(SPEC.name, [uuid(2), uuid(1), uuid(7)])
    assert set(found) == {uuid(1), uuid(2)}
    assert found[uuid(1)].tolist() == pytest.approx(EAST)
    assert found[uuid(2)].tolist() == pytest.approx(NORTH)
    assert await index.vectors(SPEC.name, []) == {}


async def test_counts_tell_documents_apart(index: Index) -> None:
    await index.upsert(SPEC, [point(i, document=f"d{i % 3}") for i in range(8)])
    assert await index.count(SPEC.name) == 8
    assert await index.count(SPEC.name, document="d2") == 2
    assert await index.count(SPEC.name, document="d") == 0


async def test_collections_know_nothing_of_each_other(index: Index) -> None:
    other = replace(SPEC, name="KB2", dimension=2)
    await index.create(other)
    await index.upsert(SPEC, [point(1)])
    assert await index.count(other.name) == 0
    await index.upsert(other, [point(2, vector=[1.0, 0.0])])
    await index.drop(other.name)
    assert await index.count(SPEC.name) == 1


async def test_a_dropped_collection_is_gone_and_dropping_again_is_fine(index: Index) -> None:
    spec = replace(SPEC, name="KB3")
    await index.create(spec)
    await index.upsert(spec, [point(1)])
    await index.drop(spec.name)
    await index.drop(spec.name)
    with pytest.raises(NotFound):
        await index.count(spec.name)
    with pytest.raises(NotFound):
        await index.search(spec, query("a"))
    with pytest.raises(NotFound):
        await index.upsert(spec, [point(1)])
    await index.create(spec)
    assert await index.count(spec.name) == 0


async def test_calls_at_once_do_not_disturb_each_other(index: Index) -> None:
    async def work(i: int) -> None:
        document = f"d{i}"
        await index.upsert(SPEC, [point(100 * i + j, document=document) for j in range(20)])
        await index.search(SPEC, query("word"))
        await index.delete(SPEC.name, document, 99)
        assert await index.count(SPEC.name, document=document) == 20

    await asyncio.gather(*(work(i) for i in range(12)))
    assert await index.count(SPEC.name) == 240


async def test_a_vector_that_does_not_fit_is_refused(index: Index) -> None:
    for vector in ([1.0] * 3, [1.0] * 5, [float("nan")] * 4, [float("inf")] * 4):
        with pytest.raises(InvalidRequest) as refused:
            await index.upsert(SPEC, [point(1, vector=vector)])
        assert refused.value.param == "vector"
        with pytest.raises(InvalidRequest):
            await index.search(SPEC, query(vector=vector))
    assert await index.count(SPEC.name) == 0


async def test_an_id_that_is_no_uuid_is_refused(index: Index) -> None:
    with pytest.raises(InvalidRequest):
        await index.upsert(SPEC, [replace(point(1), id="chunk-1")])


async def test_metadata_that_no_store_can_hold_is_refused_by_key(index: Index) -> None:
    odd: list[MetadataValue] = [float("nan"), float("inf"), 10**400, "\ud800", ["\ud800"]]
    for value in odd:
        with pytest.raises(InvalidRequest) as refused:
            await index.upsert(SPEC, [point(1, metadata={"odd": value})])
        assert refused.value.param == "odd"


async def test_a_collection_name_is_never_a_path(index: Index) -> None:
    for name in ("", "../up", "a/b", "a.b", "-a", "a\n", "x" * 65, "ä"):
        with pytest.raises(InvalidRequest):
            await index.create(CollectionSpec(name, 4))
        with pytest.raises(InvalidRequest):
            await index.drop(name)
