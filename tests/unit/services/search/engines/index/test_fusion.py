"""Fusion of two ranked lists into scores between 0 and 1."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.search.engines.index.fusion import finish
from services.search.ports import Hit, IndexQuery


def _query(limit: int = 10, dense: float = 1.0, sparse: float = 1.0) -> IndexQuery:
    return IndexQuery([], "", "HYBRID", limit, None, dense, sparse)


def _hits(scores: dict[str, float]) -> list[Hit]:
    return [Hit(id_, "doc", 1, score) for id_, score in scores.items()]


def test_the_formula_is_the_documented_one() -> None:
    fused = finish(_query(dense=2.0), _hits({"a": 0.9, "b": 0.8}), _hits({"b": 7.0, "c": 1.0}))
    best = 3.0 / 61
    assert {hit.id: hit.score for hit in fused} == pytest.approx(
        {"a": 2 / 61 / best, "b": (2 / 62 + 1 / 61) / best, "c": 1 / 62 / best}
    )
    assert {hit.id: hit.similarity for hit in fused} == {"a": 0.9, "b": 0.8, "c": None}


scores = st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from([0.1, 0.2, 0.3]))


@given(scores, scores, st.floats(0.01, 10), st.floats(0.01, 10), st.randoms())
def test_scores_lie_in_range_and_order_does_not_matter(
    dense: dict[str, float], sparse: dict[str, float], w: float, v: float, random: Random
) -> None:
    query = _query(5, w, v)
    fused = finish(query, _hits(dense), _hits(sparse))
    assert len(fused) == min(5, len(dense.keys() | sparse.keys()))
    assert all(0 < hit.score <= 1 + 1e-9 for hit in fused)
    shuffled = _hits(dense), _hits(sparse)
    for side in shuffled:
        random.shuffle(side)
    assert finish(query, *shuffled) == fused


def test_with_nothing_lexical_to_ask_the_cosine_is_the_score() -> None:
    assert [hit.score for hit in finish(_query(1), _hits({"a": 0.2, "b": 0.7}), None)] == [0.7]
