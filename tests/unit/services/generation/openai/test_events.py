"""Events are read the same however their bytes are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import UpstreamFailed
from services.generation.engines.openai.events import MOST_BYTES, EventReader

STREAM = (
    b": comment\n\n"
    b'data: {"a": 1}\n\n'
    b'event: chunk\r\ndata:{"b": 2}\r\n\r\n'
    b'data: {"c":\ndata: 3}\n\n'
    b"data: [DONE]\n\n"
    b'data: {"late": 4}\n\n'
)
TOLD = [b'{"a": 1}', b'{"b": 2}', b'{"c":\n3}']


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_bytes_may_be_cut_anywhere(cuts: list[int]) -> None:
    reader, found = EventReader(), list[bytes]()
    places = [0, *sorted(cuts), len(STREAM)]
    for start, end in pairwise(places):
        found += reader.feed(STREAM[start:end])
    assert [*found, *reader.end()] == TOLD
    assert reader.is_done


def test_the_last_event_may_lack_its_empty_line() -> None:
    reader = EventReader()
    assert reader.feed(b"data: 1\n\ndata: 2") == [b"1"]
    assert reader.end() == [b"2"]


def test_an_event_without_an_end_is_no_answer() -> None:
    reader = EventReader()
    assert reader.feed(b"data: " + b"x" * (MOST_BYTES - 6)) == []
    with pytest.raises(UpstreamFailed, match="without an end"):
        reader.feed(b"x")
