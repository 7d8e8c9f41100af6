"""JSON lines come out the same however their bytes are cut."""

from collections.abc import Iterator

import pytest

from kit.errors import InvalidRequest
from workers.batch import reading
from workers.batch.reading import lines_of

BODY = b'{"a": 1}\n\n  \r\n{"b": "\xc3\xa9"}\r\n{"c": 3}'


class Pieces:
    """A ByteStream."""

    def __init__(self, body: bytes, size: int) -> None:
        self._left: Iterator[bytes] = (body[at : at + size] for at in range(0, len(body), size))
        self.is_closed = False

    def __aiter__(self) -> "Pieces":
        return self

    async def __anext__(self) -> bytes:
        for piece in self._left:
            return piece
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self.is_closed = True


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
async def test_lines_are_numbered_with_the_blank_ones(size: int) -> None:
    pieces = Pieces(BODY, size)
    lines = [(line.number, line.raw.strip()) async for line in lines_of(0, pieces)]
    assert lines == [(1, b'{"a": 1}'), (4, b'{"b": "\xc3\xa9"}'), (5, b'{"c": 3}')]
    assert pieces.is_closed


@pytest.mark.parametrize("size", [3, 1000])
async def test_a_line_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(reading, "MOST_BYTES", 20)
    with pytest.raises(InvalidRequest, match="Line 2"):
        [line async for line in lines_of(0, Pieces(b"short\n" + b"x" * 50 + b"\n", size))]
