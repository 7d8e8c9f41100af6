"""One document in one forked process: give everything up, read it, parse, answer, end."""

import gc
import importlib
import os
import traceback
from typing import Any

from kit.errors import InvalidRequest
from services.search.engines.parsing import charsets, confinement
from services.search.engines.parsing.confinement import (
    forbid_system_calls,
    set_limits,
    start_clock,
    stop_clock,
)
from services.search.engines.parsing.csv import Columns, parse_csv
from services.search.engines.parsing.docx import parse_docx
from services.search.engines.parsing.extracted import Extracted, NoText
from services.search.engines.parsing.filetypes import detect
from services.search.engines.parsing.frames import read_frame, write_frame
from services.search.engines.parsing.html import parse_html
from services.search.engines.parsing.json import parse_json
from services.search.engines.parsing.limits import MIB, ParsingLimits
from services.search.engines.parsing.pdf import parse_pdf
from services.search.engines.parsing.text import parse_markdown, parse_text
from services.search.engines.parsing.xlsx import parse_xlsx

_PARSERS = {
    "text": parse_text, "markdown": parse_markdown, "html": parse_html, "json": parse_json,
    "pdf": parse_pdf, "docx": parse_docx, "xlsx": parse_xlsx,
}  # fmt: skip


def preload() -> None:
    """Loads what is otherwise loaded on first use; the confined process can open no file."""
    charsets.preload()
    confinement.preload()
    importlib.import_module("xml.dom.expatbuilder")  # minidom, for mammoth


def serve_document(connection: int, limits: ParsingLimits, *, confine: bool) -> None:
    """Answers the one request on `connection`; returns when the process has nothing left to do."""
    set_limits(limits)
    if confine:
        forbid_system_calls()
    header, body = read_frame(connection)
    start_clock(limits.seconds)
    answer, text = _answer(header, body, limits)
    stop_clock()
    write_frame(connection, answer, text)


def _answer(
    header: dict[str, Any], body: bytes, limits: ParsingLimits
) -> tuple[dict[str, Any], bytes]:
    try:
        extracted = parse(header, body, limits)
        return {
            "pages": extracted.pages,
            "headings": extracted.headings,
            "rows": extracted.rows,
        }, extracted.text.encode()
    except InvalidRequest as error:
        return {"reason": error.message, "empty": isinstance(error, NoText)}, b""
    except MemoryError:
        pass
    except Exception as error:  # noqa: BLE001 (here a library's bug becomes the document's failure)
        return {"reason": "The parser failed on this document.", "bug": _where(error)}, b""
    # Outside the handler: its traceback keeps alive what filled the memory.
    gc.collect()
    return {"reason": f"The document needs more than {limits.memory_bytes // MIB} MiB."}, b""


def _where(error: Exception) -> str:
    """Type and place, for the log; never the message, which may quote the document."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {os.path.basename(frame.filename)}:{frame.lineno}"


def parse(header: dict[str, Any], body: bytes, limits: ParsingLimits) -> Extracted:
    """`header`: name, and for a CSV read per row: content, include, exclude."""
    name = str(header["name"])
    kind = detect(os.path.basename(name), body)
    columns = None
    if "content" in header:
        columns = Columns(header["content"], header["include"], header["exclude"])
    if kind == "csv":
        return parse_csv(body, limits, columns)
    if columns is not None:
        raise InvalidRequest("Only a CSV file can be read per row, as its sidecar asks.")
    extracted = _PARSERS[kind](body, limits)
    if not extracted.text.strip():
        raise NoText("The document has no text.")
    return extracted
