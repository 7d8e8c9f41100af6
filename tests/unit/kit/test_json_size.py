"""Small bodies that hold a great many values are told from large ones that hold few."""

import json
import time

import pytest

from kit.json_size import MOST_MEMBERS, MOST_VALUES, is_crowded

_FEW = {
    "a long text with all that JSON is made of": json.dumps(['{["x", ' * 2_000_000]),
    "escaped backslashes at the ends of texts": json.dumps(["[\\"] * 1000 + ["[" * MOST_VALUES]),
    "token ids": json.dumps(list(range(MOST_MEMBERS))),
    "a long text with commas": json.dumps(['a, "b", \\' * 3_000_000]),
    "a text that never ends": '"' + '\\"[' * 1_000_000,
    "as many as there may be": json.dumps([[]] * (MOST_VALUES - 1)),
}
_MANY = {
    "objects": "[" + "{}," * 8_000_000 + "{}]",
    "texts": json.dumps(["a"] * 4_000_000),
    "texts that end in a backslash": json.dumps(["\\"] * 1_000_000),
    "members": json.dumps({str(number): 1 for number in range(MOST_VALUES)}),
    "numbers": json.dumps([0] * (MOST_MEMBERS + 1)),
    "nulls": json.dumps({"a": ["a, b"], "b": [None] * MOST_MEMBERS}),
    "one more than there may be": json.dumps([[]] * MOST_VALUES),
}


@pytest.mark.parametrize("text", _FEW.values(), ids=_FEW)
def test_a_text_with_few_values_is_let_through(text: str) -> None:
    raw = text.encode()
    began = time.process_time()
    assert not is_crowded(raw)
    assert time.process_time() - began < 2


@pytest.mark.parametrize("text", _MANY.values(), ids=_MANY)
def test_a_text_with_many_values_is_told_at_once(text: str) -> None:
    began = time.process_time()
    assert is_crowded(text.encode())
    assert time.process_time() - began < 2
