"""What the events of a stream make: parts, of which those at hand together are joined."""

from typing import Any

import orjson
import pytest

from kit.errors import UpstreamFailed
from services.generation.engines.openai.answers import StreamReader


def event(text: str = "", *, index: int = 0, written: int = 0, **more: Any) -> bytes:
    choice = {"index": index, "text": text, "finish_reason": None, **more}
    usage = {"prompt_tokens": 3, "completion_tokens": written}
    return orjson.dumps({"choices": [choice], "usage": usage})


def test_texts_at_hand_together_are_one_part_and_lose_no_count() -> None:
    reader = StreamReader("m")
    (part,) = reader.read([event("a", written=1), event(" b", written=2), event(" c", written=3)])
    assert (part.text, part.input_tokens, part.output_tokens) == ("a b c", 3, 3)
    (after,) = reader.read([event(" d", written=4)])
    assert (after.text, after.input_tokens, after.output_tokens) == (" d", 0, 1)


def test_parts_of_two_choices_stay_apart() -> None:
    events = [event("a", written=1), event("x", index=1, written=1), event("y", index=1, written=2)]
    parts = list(StreamReader("m").read(events))
    assert [(part.index, part.text) for part in parts] == [(0, "a"), (1, "xy")]


def test_tokens_and_ends_are_parts_of_their_own() -> None:
    row = {"tokens": ["b"], "token_logprobs": [-1.0], "top_logprobs": [{"b": -1.0}]}
    events = [
        event("a", written=1),
        event("b", written=2, logprobs=row),
        event("c", written=3),
        event("d", written=4, finish_reason="length"),
    ]
    parts = list(StreamReader("m").read(events))
    assert [part.text for part in parts] == ["a", "b", "c", "d"]
    assert [part.finish_reason for part in parts] == [None, None, None, "length"]


def test_what_came_before_an_error_is_not_lost() -> None:
    parts = StreamReader("m").read([event("a"), b'{"error": {"message": "out of memory"}}'])
    assert next(parts).text == "a"
    with pytest.raises(UpstreamFailed, match="out of memory"):
        next(parts)
