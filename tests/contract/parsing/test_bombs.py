import resource
import time
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from kit.errors import InvalidRequest
from services.search.engines.parsing.limits import MIB, ParsingLimits
from services.search.engines.parsing.sandbox import SandboxedParser
from services.search.ports import Parser, RecordStructure
from tests.contract.parsing.bombs import BOMBS, HEAVY
from tests.contract.parsing.documents import docx, pdf

pytestmark = pytest.mark.asyncio(loop_scope="module")
_SECONDS = 10.0


def _peak(whose: int) -> int:
    return resource.getrusage(whose).ru_maxrss * 1024


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def parser() -> AsyncIterator[Parser]:
    """With the limits that are in force; its children's memory is measured at the end."""
    # A new process starts with its parent's peak, as the kernel counts.
    before = max(_peak(resource.RUSAGE_CHILDREN), _peak(resource.RUSAGE_SELF))
    made = SandboxedParser()
    await made.start()
    yield made
    await made.close()
    assert _peak(resource.RUSAGE_CHILDREN) <= max(before, 512 * MIB)


@pytest.mark.parametrize(
    ("limits", "name", "make", "reason"),
    [
        (ParsingLimits(file_bytes=9_000), "a.txt", lambda: b"x" * 9001, "larger than 0.009 MB"),
        (ParsingLimits(characters=10), "a.txt", lambda: b"x" * 11, "more than 10 characters"),
        (ParsingLimits(characters=10), "a.html", lambda: b"<p>12345<p>678901", "more than 10"),
        (ParsingLimits(pdf_pages=2), "a.pdf", lambda: pdf(["x"] * 3), "has 3 pages; at most 2"),
        (ParsingLimits(archive_entries=3), "a.docx", docx, "holds 4 entries; at most 3"),
        (ParsingLimits(archive_bytes=MIB // 2048), "a.docx", docx, "expands to more than"),
    ],
)
async def test_each_limit_can_be_set(
    limits: ParsingLimits, name: str, make: Callable[[], bytes], reason: str
) -> None:
    parser = SandboxedParser(limits)
    with pytest.raises(InvalidRequest, match=reason):
        await parser.parse(make(), name=name)
    await parser.close()


@pytest.mark.parametrize("bomb", BOMBS)
async def test_a_hostile_document_ends_with_its_reason_and_the_next_one_parses(
    parser: Parser, bomb: str
) -> None:
    name, make, reason = BOMBS[bomb]
    body = make()
    records = RecordStructure("text") if name.endswith(".csv") else None
    begin = time.perf_counter()
    with pytest.raises(InvalidRequest, match=reason):
        await parser.parse(body, name=name, records=records)
    assert time.perf_counter() - begin <= _SECONDS
    assert (await parser.parse(b"still here", name="a.txt")).text == "still here"


@pytest.mark.parametrize("heavy", HEAVY)
async def test_a_heavy_document_parses_within_the_limits(parser: Parser, heavy: str) -> None:
    name, make = HEAVY[heavy]
    body = make()
    begin = time.perf_counter()
    document = await parser.parse(body, name=name)
    assert document.text
    assert time.perf_counter() - begin <= _SECONDS
