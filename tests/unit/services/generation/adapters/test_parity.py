"""How greedy answers are compared: exactly, up to where rounding may choose another token."""

from typing import Any

import pytest

from contracts.generation.answers import Choice, Generation, Token
from services.generation.engines.adapters.comparing import compared


def oracle(
    ids: list[int], margins: list[float] | None = None, *, ended: bool = False
) -> dict[str, Any]:
    text, margins = " ".join(map(str, ids)), margins or [5.0] * (len(ids) + ended)
    merged = {"ids": ids, "margins": margins, "text": text, "ended": ended}
    return {"prompt": [1], "merged": merged, "base": {"ids": [0] * len(ids)}}


def said(ids: list[int], *, with_ids: bool = True) -> Generation:
    tokens = [Token(text=str(one), logprob=-1.0, id=one if with_ids else None) for one in ids]
    choice = Choice(text=" ".join(map(str, ids)), finish_reason="length", tokens=tokens)
    return Generation(choices=[choice], input_tokens=1, output_tokens=len(ids), model="m")


@pytest.mark.parametrize("with_ids", [True, False])
def test_equal_answers_pass(with_ids: bool) -> None:
    check = compared(oracle([5, 6, 7]), said([5, 6, 7], with_ids=with_ids))
    assert check.outcome == "passed"
    assert check.detail.startswith("3 greedy tokens equal PEFT's merged model, and differs from")


@pytest.mark.parametrize("with_ids", [True, False])
def test_another_answer_fails_and_shows_both(with_ids: bool) -> None:
    check = compared(oracle([5, 6, 7]), said([5, 9, 7], with_ids=with_ids))
    assert check.outcome == "failed"
    assert "'5 9 7'" in check.detail
    assert "'5 6 7'" in check.detail


def test_after_a_tie_the_two_may_go_apart() -> None:
    check = compared(oracle([5, 6, 7], [5.0, 0.1, 5.0]), said([5, 9, 9]))
    assert (check.outcome, check.detail[:8]) == ("passed", "1 greedy")
    assert compared(oracle([5, 6, 7], [5.0, 0.1, 5.0]), said([4, 6, 7])).outcome == "failed"


def test_a_tie_at_once_compares_nothing_and_says_so() -> None:
    check = compared(oracle([5, 6], [0.0, 5.0]), said([9, 9]))
    assert check.outcome == "skipped"


def test_an_answer_that_ends_too_early_fails() -> None:
    assert compared(oracle([5, 6, 7]), said([])).outcome == "failed"
    assert compared(oracle([5, 6, 7]), said([5])).outcome == "failed"


def test_an_answer_ends_where_the_merged_models_does() -> None:
    stop = 2
    assert compared(oracle([5, 6], ended=True), said([5, 6])).outcome == "passed"
    assert compared(oracle([5, 6], ended=True), said([5, 6, stop])).outcome == "passed"
    assert compared(oracle([5, 6], ended=True), said([5, 6, 7, 8])).outcome == "failed"
