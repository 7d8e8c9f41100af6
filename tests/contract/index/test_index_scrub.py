"""A scrub takes nothing from what is there, whenever and however often it is asked for."""

import asyncio
from collections.abc import Awaitable

import pytest

from services.search.ports import Condition, Index, IndexQuery
from tests.contract.index.corpus import SPEC, matching, numbers, point, query

WORDS = ["apple orchard", "pear tree", "apple pie", "quiet river", "river bank"]
ASKED = [
    query("apple", vector=[1.0, 0.0, 0.0, 0.2], limit=100),
    query("river", vector=[0.3, 0.9, 0.1, 0.0], limit=100, weights=(1.0, 3.0)),
    query(mode="SEMANTIC", vector=[0.0, 0.5, 0.5, 0.0], limit=100),
    query("apple", limit=100, where=Condition("greaterThan", "n", 100.0)),
]


async def filled(index: Index) -> None:
    """Documents d0 to d4 of 40 points each; d1 is deleted again."""
    await index.upsert(
        SPEC,
        [
            point(
                i,
                text=f"{WORDS[i % 5]} number{i}",
                vector=[1.0 + i % 7, i % 3, i % 11, 0.5],
                document=f"d{i % 5}",
                metadata={"n": float(i), "tag": f"t{i % 4}", "list": [f"l{i % 2}"], "b": i < 9},
            )
            for i in range(200)
        ],
    )
    await index.delete(SPEC.name, "d1")


async def answers(index: Index, asked: IndexQuery) -> dict[int, float]:
    hits = await index.search(SPEC, asked)
    return dict(zip(numbers(hits), [hit.score for hit in hits], strict=True))


async def test_what_is_there_answers_as_before(index: Index) -> None:
    await filled(index)
    tagged = {i for i in range(200) if i % 4 == 2 and i % 5 != 1}
    listed = {i for i in range(200) if i % 2 and i % 5 != 1}
    before = [await answers(index, asked) for asked in ASKED]
    await index.scrub(SPEC.name)
    for asked, expected in zip(ASKED, before, strict=True):
        assert await answers(index, asked) == pytest.approx(expected, abs=1e-5)
    assert await matching(index, Condition("equals", "tag", "t2")) == tagged
    assert await matching(index, Condition("listContains", "list", "l1")) == listed
    assert await index.count(SPEC.name) == 160
    assert await index.count(SPEC.name, document="d1") == 0


async def test_it_may_be_repeated_and_asked_for_twice_at_once(index: Index) -> None:
    await filled(index)
    await asyncio.gather(index.scrub(SPEC.name), index.scrub(SPEC.name))
    await index.scrub(SPEC.name)
    await index.upsert(SPEC, [point(500, document="late")])
    await index.delete(SPEC.name, "d2")
    await index.scrub(SPEC.name)
    assert await index.count(SPEC.name) == 121


async def test_what_happens_during_a_scrub_is_neither_wrong_nor_lost(index: Index) -> None:
    await filled(index)
    scrub = asyncio.ensure_future(index.scrub(SPEC.name))
    written = 0
    while not scrub.done() or not written:
        tagged = await matching(index, Condition("equals", "tag", "t2"))
        assert tagged == {i for i in range(200) if i % 4 == 2 and i % 5 != 1}
        written += 1
        document = f"late{written}"
        writes: list[Awaitable[None]] = [
            index.upsert(SPEC, [point(1000 + written, document=document)])
        ]
        if written % 2 == 0:
            writes.append(index.delete(SPEC.name, f"late{written - 1}"))
        await asyncio.gather(*writes)
    await scrub
    assert await index.count(SPEC.name) == 160 + (written + 1) // 2
    for n in range(1, written + 1):
        expected = int(n % 2 == 0 or n == written)
        assert await index.count(SPEC.name, document=f"late{n}") == expected
