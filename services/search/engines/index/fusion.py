"""Weighted reciprocal-rank fusion of the dense and the lexical side, the same for every store."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from services.search.ports import Hit, IndexQuery

RRF_K: Final = 60
PREFETCH: Final = 50


def depth(limit: int) -> int:
    """How many candidates each side gives: enough that a chunk both sides like is not missed."""
    return max(PREFETCH, 2 * limit)


@dataclass(frozen=True, slots=True)
class Side:
    """One side's hits; `score` is that side's own, of any scale."""

    weight: float
    hits: Sequence[Hit]


def rank(hits: Sequence[Hit]) -> list[Hit]:
    """Best first; equal scores by id, so that an answer repeats."""
    return sorted(hits, key=lambda hit: (-hit.score, hit.id))


def finish(query: IndexQuery, dense: Sequence[Hit], sparse: Sequence[Hit] | None) -> list[Hit]:
    """The answer to a query. `sparse` is None where there was nothing lexical to ask.

    A fused score is the sum of weight / (60 + rank) over the sides that found the chunk, divided
    by the sum of weight / 61 over the sides asked: 1.0 is first on every side.
    """
    if sparse is None:
        return [replace(hit, similarity=hit.score) for hit in rank(dense)[: query.limit]]
    sides = (Side(query.dense_weight, rank(dense)), Side(query.sparse_weight, rank(sparse)))
    best = sum(side.weight for side in sides) / (RRF_K + 1)
    scores: dict[str, float] = {}
    for side in sides:
        for place, hit in enumerate(side.hits, start=1):
            scores[hit.id] = scores.get(hit.id, 0.0) + side.weight / (RRF_K + place) / best
    known = {hit.id: hit.score for hit in dense}
    hits = {hit.id: hit for side in sides for hit in side.hits}
    winners = sorted(scores, key=lambda id: (-scores[id], id))[: query.limit]
    return [replace(hits[id], score=scores[id], similarity=known.get(id)) for id in winners]
