"""CSV: the whole file as its text, or one row at a time with the other columns as metadata."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kit.errors import InvalidRequest
from services.search.engines.parsing.charsets import decode_text
from services.search.engines.parsing.extracted import Extracted, TextBuilder
from services.search.engines.parsing.limits import ParsingLimits

_FIELD_CHARACTERS = 1_000_000
_DESCRIBED_COLUMNS = 1_000
_TEXT_COLUMNS = 10_000


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column is searched and which become metadata (ports.RecordStructure, in the child)."""

    content: str
    include: Sequence[str] | None = None
    exclude: Sequence[str] = ()


def parse_csv(body: bytes, limits: ParsingLimits, columns: Columns | None) -> Extracted:
    text = decode_text(body, limits.characters)
    if columns is not None:
        return _by_row(text, columns, limits)
    _check_width(text)
    return Extracted(text)


def _check_width(text: str) -> None:
    """A row that wide is a matrix, not text; the separators of a line are an upper bound."""
    for number, line in enumerate(text.splitlines(), start=1):
        wide = 1 + max(line.count(separator) for separator in ",;\t")
        if wide > _TEXT_COLUMNS:
            raise InvalidRequest(
                f"Line {number:,} of the CSV file has {wide:,} columns; it may have "
                f"{_TEXT_COLUMNS:,}. Leave out those that hold no text."
            )


def _by_row(text: str, columns: Columns, limits: ParsingLimits) -> Extracted:
    """Content fields, a line break between them; a row without content has nothing to search."""
    records = _records(text)
    header = next(records, (0, []))[1]
    content, kept = _resolve(header, columns)
    builder = TextBuilder(limits.characters)
    rows: list[tuple[int, int, dict[str, str]]] = []
    for line, record in records:
        if len(record) != len(header):
            raise InvalidRequest(
                f"The row at line {line:,} has {len(record)} columns; the header has {len(header)}."
            )
        if not record[content].strip():
            continue
        start = builder.length
        builder.add(record[content])
        rows.append((start, builder.length, {header[at]: record[at] for at in kept}))
        builder.add("\n")
    if not rows:
        raise InvalidRequest(f"No row has a value in the content column {columns.content!r}.")
    return Extracted(builder.text(), rows=rows)


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Line number (of the record's end) and fields; blank lines are left out."""
    csv.field_size_limit(_FIELD_CHARACTERS)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for record in reader:
            if record:
                yield reader.line_num, record
    except csv.Error as error:
        raise InvalidRequest(
            f"Not a valid CSV file at line {reader.line_num:,}: {error}."
        ) from error


def _resolve(header: list[str], columns: Columns) -> tuple[int, list[int]]:
    """Positions of the content column and of those that become metadata."""
    if len(header) > _DESCRIBED_COLUMNS:
        raise InvalidRequest(f"The CSV header has more than {_DESCRIBED_COLUMNS:,} columns.")
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise InvalidRequest(f"The CSV header names the column {twice!r} twice.")
    wanted = (columns.content, *(columns.include or ()))
    missing = next((name for name in wanted if name not in header), None)
    if missing is not None:
        raise InvalidRequest(f"The CSV header has no column {missing!r}, which the sidecar names.")
    kept = [
        at
        for at, name in enumerate(header)
        if name != columns.content
        and (columns.include is None or name in columns.include)
        and name not in columns.exclude
    ]
    return header.index(columns.content), kept
