"""A stream as blocks of text and of tool calls, each begun, filled and ended, one at a time."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeAlias

from contracts.generation.answers import Delta, ToolCallDelta
from dialects.bedrock.progress import Progress


@dataclass(frozen=True, slots=True)
class BlockStart:
    """Of a tool call where it has a `name`, else of text."""

    index: int
    id: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class BlockPart:
    """Text, or with `is_input` a part of the JSON of a tool's arguments."""

    index: int
    text: str
    is_input: bool = False


@dataclass(frozen=True, slots=True)
class BlockStop:
    index: int


Block: TypeAlias = BlockStart | BlockPart | BlockStop


class Blocks:
    """Numbers the blocks; engines write their calls one after the other."""

    def __init__(self) -> None:
        self._index = -1
        self._open: int | str | None = None
        """The number of the call that is being written, or `text`."""

    def read(self, delta: Delta) -> Iterator[Block]:
        if delta.text:
            yield from self._switch("text", BlockStart(self._index + 1))
            yield BlockPart(self._index, delta.text)
        for call in delta.tool_calls:
            yield from self._switch(call.index, self._start(call))
            if call.arguments:
                yield BlockPart(self._index, call.arguments, is_input=True)

    def end(self) -> Iterator[Block]:
        if self._open is not None:
            self._open = None
            yield BlockStop(self._index)

    def _switch(self, to: int | str, start: BlockStart) -> Iterator[Block]:
        if self._open != to:
            yield from self.end()
            self._open, self._index = to, start.index
            yield start

    def _start(self, call: ToolCallDelta) -> BlockStart:
        return BlockStart(self._index + 1, call.id or f"call_{call.index}", call.name or "")


async def blocks(
    progress: Progress, deltas: AsyncGenerator[Delta, None]
) -> AsyncGenerator[Block, None]:
    """`progress` is up to date with every block, and complete after the last."""
    found = Blocks()
    async with aclosing(progress.seen(deltas)) as seen:
        async for delta in seen:
            for block in found.read(delta):
                yield block
    for block in found.end():
        yield block
