"""What the events of a stream make: a part each, joined where more are at hand than can be sent."""

from typing import Any

import orjson
import pytest

from kit.errors import UpstreamFailed
from services.generation.engines.openai.streams import StreamReader

MANY = 20


def event(text: str = "", *, index: int = 0, written: int = 0, **more: Any) -> bytes:
    choice = {"index": index, "text": text, "finish_reason": None, **more}
    usage = {"prompt_tokens": 3, "completion_tokens": written}
    return orjson.dumps({"choices": [choice], "usage": usage})


def letters(many: int, *, index: int = 0) -> list[bytes]:
    return [event("abc"[n % 3], index=index, written=n + 1) for n in range(many)]


def test_every_event_is_a_part_for_whoever_keeps_up() -> None:
    parts = list(StreamReader("m").read(letters(3)))
    assert [(part.text, part.output_tokens) for part in parts] == [("a", 1), ("b", 1), ("c", 1)]
    assert [part.input_tokens for part in parts] == [3, 0, 0]


def test_whoever_falls_behind_has_fewer_parts_and_loses_no_count() -> None:
    reader = StreamReader("m")
    (part,) = reader.read(letters(MANY))
    assert part.text == ("abc" * MANY)[:MANY]
    assert (part.input_tokens, part.output_tokens) == (3, MANY)
    (after,) = reader.read([event(" d", written=MANY + 1)])
    assert (after.text, after.input_tokens, after.output_tokens) == (" d", 0, 1)


def test_parts_of_two_choices_stay_apart() -> None:
    parts = list(StreamReader("m").read([*letters(MANY), *letters(MANY, index=1)]))
    assert [(part.index, len(part.text)) for part in parts] == [(0, MANY), (1, MANY)]


def test_tokens_and_ends_are_parts_of_their_own() -> None:
    row = {"tokens": ["b"], "token_logprobs": [-1.0], "top_logprobs": [{"b": -1.0}]}
    events = [
        *letters(MANY),
        event("b", written=MANY + 1, logprobs=row),
        event("c", written=MANY + 2),
        event("d", written=MANY + 3, finish_reason="length"),
    ]
    parts = list(StreamReader("m").read(events))
    assert [part.text for part in parts[1:]] == ["b", "c", "d"]
    assert [part.finish_reason for part in parts] == [None, None, None, "length"]


@pytest.mark.parametrize("before", [1, MANY])
def test_what_came_before_an_error_is_not_lost(before: int) -> None:
    broken = b'{"error": {"message": "out of memory"}}'
    parts, said = StreamReader("m").read([*letters(before), broken]), ""
    said += next(parts).text
    with pytest.raises(UpstreamFailed, match="out of memory"):
        next(parts)
    assert len(said) == before
