"""Two greedy answers as a check: the engine's, and that of PEFT's merged model."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from contracts.generation.adapters import Check
from contracts.generation.answers import Generation

_TIE: Final = 0.25
"""Logits: of two tokens nearer than this, the engine's rounding may choose the other."""


def compared(oracle: Mapping[str, Any], said: Generation) -> Check:
    """Equal, or equal up to a token that was a tie; after that the two may go apart."""
    merged = oracle["merged"]
    ids = [token.id for token in said.first.tokens or ()]
    margins = merged["margins"]
    if ids and None not in ids:
        equal = _equal_tokens(merged, ids)
        lead = margins[min(equal, len(margins) - 1)]
    else:
        equal = len(merged["ids"]) if said.text.strip() == merged["text"].strip() else 0
        lead = min(margins)  # nobody tells at which token they went apart
    apart = equal < len(merged["ids"]) or (merged["ended"] and len(ids) > equal + 1)
    if apart and lead >= _TIE:
        return Check(
            name="parity",
            outcome="failed",
            detail=f"the engine answers {said.text!r} where PEFT's merged model answers "
            f"{merged['text']!r}: the engine does not apply it as it was trained",
        )
    if not equal:
        return skipped("the two best tokens of the probe are too near each other to compare")
    differs = "and differs from" if merged["ids"] != oracle["base"]["ids"] else "and is, here, as"
    detail = f"{equal} greedy tokens equal PEFT's merged model, {differs} the base model's"
    return Check(name="parity", outcome="passed", detail=detail)


def _equal_tokens(merged: Mapping[str, Any], ids: Sequence[int | None]) -> int:
    """How many come first that are the same."""
    pairs = zip(merged["ids"], ids, strict=False)
    return next(
        (at for at, (ours, theirs) in enumerate(pairs) if ours != theirs),
        min(len(merged["ids"]), len(ids)),
    )


def skipped(why: str) -> Check:
    return Check(name="parity", outcome="skipped", detail=why)
