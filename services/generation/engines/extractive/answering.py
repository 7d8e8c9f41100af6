"""Chooses the sentences that answer a question, or none of them."""

import re
from collections.abc import Sequence

from services.generation.engines.extractive.passages import Collection, Sentence, collect
from services.generation.engines.extractive.question import Asked, read_question
from services.generation.engines.extractive.scoring import Score, score

_ENOUGH = 0.57  # of a score: below it nothing is said
_ENOUGH_OWN = 0.25  # of the question's weight that the sentence itself must cover
_HALF = 0.5  # of the question's content words: one of two says too little
_CLOSE = 0.8  # of the best score: what an open question's answer adds
_MOST = 3
_LONGEST = 2_000  # characters of a question, for each sentence is held against each of its words
_POINTS_BACK = re.compile(
    r"^(?:it|its|they|their|he|his|she|her|this|that|these|those|both|such)\b", re.IGNORECASE
)

Scored = tuple[Sentence, Score]


def answer(question: str, passages: Sequence[str]) -> list[str]:
    """The sentences of the answer in the passages' order, as they stand there; empty to refuse.

    Of a question of more than 2,000 characters its end is read.
    """
    asked = read_question(question[-_LONGEST:])
    if not (asked.terms or asked.amounts or asked.years):
        return []
    collection = collect(passages)
    ranked = sorted(
        ((sentence, score(asked, sentence, collection)) for sentence in collection.sentences),
        key=lambda scored: (-scored[1].value, scored[0].passage, scored[0].position),
    )
    good = [scored for scored in ranked if _is_enough(scored[1])]
    if not good:
        return []
    chosen = [scored[0] for scored in _choose(asked, good)]
    chosen += [before for one in chosen if (before := _antecedent(one, collection)) is not None]
    ordered = sorted(set(chosen), key=lambda one: (one.passage, one.position))
    return [sentence.text for sentence in ordered]


def _is_enough(found: Score) -> bool:
    return found.value >= _ENOUGH and found.own >= _ENOUGH_OWN and found.matched > _HALF


def _choose(asked: Asked, good: Sequence[Scored]) -> list[Scored]:
    best = good[0]
    if len(asked.years) > 1:
        return _one_per_year(asked, good)
    if asked.expected not in ("anything", "reason"):
        return [best]
    near = [one for one in good if one[1].value >= _CLOSE * best[1].value]
    return _without_repeats(near)


def _one_per_year(asked: Asked, good: Sequence[Scored]) -> list[Scored]:
    """For each year asked for a sentence on it; one that only compares with it is second best."""
    chosen: list[Scored] = []
    for year in sorted(asked.years):
        naming = [one for one in good if year in one[0].keys]
        if not naming:
            continue
        least = _CLOSE * naming[0][1].value
        on_it = (one for one in naming if one[1].value >= least and _first_year(one[0]) == year)
        found = next(on_it, None)
        if found is None and any(year in sentence.keys for sentence, _ in chosen):
            continue
        chosen.append(found or naming[0])
    return chosen or [good[0]]


def _first_year(sentence: Sentence) -> str | None:
    return next((number.key for number in sentence.numbers if number.is_year), None)


def _without_repeats(found: Sequence[Scored]) -> list[Scored]:
    """The first few that say something else than those before."""
    kept: list[Scored] = []
    for one in found:
        terms = one[0].terms
        if not any(terms and len(terms & other[0].terms) >= 0.8 * len(terms) for other in kept):
            kept.append(one)
        if len(kept) == _MOST:
            break
    return kept


def _antecedent(sentence: Sentence, collection: Collection) -> Sentence | None:
    """The sentence before one that begins by pointing back to it."""
    if not _POINTS_BACK.match(sentence.text):
        return None
    return next(
        (
            other
            for other in collection.sentences
            if (other.passage, other.position) == (sentence.passage, sentence.position - 1)
            and not other.is_heading
        ),
        None,
    )
