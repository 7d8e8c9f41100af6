"""Rewrites a follow-up question by its session, so that retrieval finds what it is about."""

from collections.abc import Sequence

from kit.text.followups import stand_alone
from services.search.ports import Turn


def condense(question: str, history: Sequence[Turn]) -> str:
    """The question in words that need no history; deterministic, and without a model."""
    return stand_alone(question, [turn.text for turn in history if turn.role == "user"])
