"""The answers of a batch as the bytes of an output, in the order of the input."""

from collections.abc import AsyncGenerator

from kit.batches import progress
from kit.batches.progress import Writer
from kit.database import Database

_PAGE = 100


async def answers(
    database: Database, writer: Writer, *, source: int | None = None, ok: bool | None = None
) -> AsyncGenerator[bytes, None]:
    """JSON lines; None: of every source, whether good or not."""
    after = (-1, -1)
    while page := await database.read(progress.outputs, writer, after, _PAGE, source=source, ok=ok):
        yield b"".join(output + b"\n" for _, _, output in page)
        after = page[-1][:2]
