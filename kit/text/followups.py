"""Makes a follow-up question stand alone by the questions before it, by rules."""

import re
from collections.abc import Sequence

from kit.text.facts import numbers, plain_terms
from kit.text.terms import word_spans

_LEAD_IN = re.compile(
    r"^\s*(?:(?:and|but|so|ok|okay|then|also|well|now|thanks|thank\s+you|great|please)\b[\s,]*"
    r"|(?:can|could|would)\s+you\s+(?:please\s+)?(?=tell|remind|say|explain)"
    r"|(?:tell|remind)\s+me\s+(?:again\b|once\s+more\b|please\b|what\s+about\b)?[\s,:]*(?:again\b)?[\s,:]*"
    r"|(?:what|how)\s+about\b[\s,]*"
    r"|again\b[\s,]*)+",
    re.IGNORECASE,
)
_REFERS_BACK = re.compile(
    r"\b(?:it|its|they|them|their|theirs|he|him|his|she|her|hers|this|that|these|those|there|"
    r"former|latter|same|one|ones)\b",
    re.IGNORECASE,
)
_QUESTION_WORD = re.compile(
    r"\b(?:who|whom|whose|what|when|where|which|why|how|is|are|was|were|do|does|did|can|list|"
    r"describe|explain|summari[sz]e)\b",
    re.IGNORECASE,
)
_FEW_WORDS = 3
_LOOK_BACK = 4


def stand_alone(question: str, earlier: Sequence[str]) -> str:
    """The question in words that need no history; `earlier` holds the user's turns, oldest first.

    A bare value replaces its like in the previous question ("and, 2021?"); a question that points
    back, or hardly says anything, gets the previous question's terms; any other is kept, without
    its lead-in ("Tell me again").
    """
    asked = _without_lead_in(question)
    previous = _previous(earlier)
    if not previous:
        return asked
    replaced = _replace_value(asked, previous)
    if replaced is not None:
        return replaced
    if _leans_on_history(asked):
        return _joined(asked, previous)
    return asked


def _previous(earlier: Sequence[str]) -> str:
    """The last earlier question, itself made to stand alone."""
    recent = list(earlier)[-_LOOK_BACK:]
    resolved = ""
    for index in range(len(recent)):
        resolved = stand_alone(recent[index], [resolved] if resolved else [])
    return resolved


def _without_lead_in(question: str) -> str:
    rest = _LEAD_IN.sub("", question, count=1).strip()
    return rest or question.strip()


def _replace_value(asked: str, previous: str) -> str | None:
    """ "2021?" after "What was revenue in 2019?": the previous question with the year changed."""
    if plain_terms(asked) or _QUESTION_WORD.search(asked):
        return None
    years = [number for number in numbers(asked) if number.is_year]
    before = [number for number in numbers(previous) if number.is_year]
    if not years:
        return None
    said = " and ".join(asked[year.start : year.end] for year in years)
    if not before:
        return f"{previous.rstrip(' ?.!')} in {said}?"
    return previous[: before[0].start] + said + previous[before[-1].end :]


def _leans_on_history(asked: str) -> bool:
    content = plain_terms(asked)
    if not content:
        return True
    if _REFERS_BACK.search(asked):
        return len(content) <= 2 * _FEW_WORDS
    spoken = sum(1 for _ in word_spans(asked))
    return not _QUESTION_WORD.search(asked) and spoken <= _FEW_WORDS


def _joined(asked: str, previous: str) -> str:
    """The question, and what the previous one was about in brackets."""
    known = set(plain_terms(asked))
    topic = [
        previous[start:end]
        for word, start, end in word_spans(previous)
        if (new := plain_terms(word)) and not known.intersection(new)
    ]
    return f"{asked} ({' '.join(topic)})" if topic else asked
