"""Excel workbooks: each sheet is a page, each row a line of cells."""

import io
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any
from xml.etree.ElementTree import ParseError

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from kit.errors import InvalidRequest
from services.search.engines.parsing.archive_guard import check_archive
from services.search.engines.parsing.extracted import Extracted, TextBuilder
from services.search.engines.parsing.limits import ParsingLimits


def parse_xlsx(body: bytes, limits: ParsingLimits) -> Extracted:
    check_archive(body, "xlsx", limits)
    try:
        return _read(body, limits)
    except (
        ParseError, InvalidFileException, zipfile.BadZipFile, zlib.error, OSError, EOFError,
        KeyError, ValueError, TypeError, AttributeError, IndexError, RecursionError,
    ) as error:  # fmt: skip
        # openpyxl trusts its input: what a broken part lacks surfaces as any of these.
        raise InvalidRequest("Not a valid xlsx file: its parts are broken or missing.") from error


def _read(body: bytes, limits: ParsingLimits) -> Extracted:
    workbook = openpyxl.load_workbook(
        io.BytesIO(body), read_only=True, data_only=True, keep_links=False
    )
    builder = TextBuilder(limits.characters)
    extracted = Extracted("")
    found = False
    for number, sheet in enumerate(workbook.worksheets, start=1):
        extracted.pages.append((number, builder.length))
        extracted.headings.append(builder.length)
        builder.add(f"{sheet.title}\n\n")
        sheet.reset_dimensions()  # what a sheet claims of its size is not believed
        for line in _lines(sheet.iter_rows(values_only=True)):
            found = True
            builder.add(line)
        builder.add("\n")
    if not found:
        raise InvalidRequest("The workbook has no cells with values.")
    extracted.text = builder.text()
    return extracted


def _lines(rows: Iterator[tuple[Any, ...]]) -> Iterator[str]:
    for row in rows:
        cells = [_cell(value) for value in row]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            yield " | ".join(cells) + "\n"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime):
        return value.isoformat(" ") if value.time() != time() else value.date().isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    return " ".join(str(value).split())
