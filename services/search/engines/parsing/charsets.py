"""Decodes text files: byte order mark, then UTF-8, then what the file declares, then cp1252."""

import codecs
import re
from typing import Final

from kit.errors import InvalidRequest
from services.search.engines.parsing.extracted import check_length, clean

_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
DECLARABLE: Final = frozenset(
    {
        "utf-8", "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257",
        "iso8859-1", "iso8859-2", "iso8859-5", "iso8859-7", "iso8859-8", "iso8859-9", "iso8859-15",
        "koi8-r", "koi8-u", "shift_jis", "euc_jp", "iso2022_jp", "gb2312", "gbk", "gb18030",
        "big5", "euc_kr", "ascii",
    }
)  # fmt: skip
_NEEDED_BY_LIBRARIES: Final = frozenset({"cp437", "latin-1", "utf-16-le", "utf-16-be"})
_DECLARED = re.compile(rb"""<meta[^>]{0,200}?charset\s{0,9}=\s{0,9}["']?([\w.:-]{1,40})""", re.I)
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_NULS_ALLOWED = 1 / 1000


def decode_text(body: bytes, max_characters: int, *, html: bool = False) -> str:
    """The file's text; raises InvalidRequest with the position of what does not decode."""
    check_length(len(body) // 4, max_characters)  # no encoding here spends more bytes
    text = _decode(body, html=html)
    check_length(len(text), max_characters)
    return clean(text)


def preload() -> None:
    """Imports every codec, for a process that can open no file later."""
    for name in DECLARABLE | {name for _, name in _MARKS} | _NEEDED_BY_LIBRARIES:
        codecs.lookup(name)


def _decode(body: bytes, *, html: bool) -> str:
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return _strictly(body, encoding)
    if body.count(0) > len(body) * _NULS_ALLOWED:
        raise InvalidRequest(
            "The file holds NUL bytes: it is not text, or UTF-16 without a byte order mark."
        )
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        failure = error
    if html and (declared := _declared(body)):
        return _strictly(body, declared)
    return _windows(body, failure)


def _declared(body: bytes) -> str | None:
    match = _DECLARED.search(body[:2048])
    if match is None:
        return None
    name = match.group(1).decode("ascii", "replace")
    try:
        encoding = codecs.lookup(name).name
    except (LookupError, ValueError):
        encoding = ""
    if encoding not in DECLARABLE:
        raise InvalidRequest(f"The page declares the encoding {name!r}, which is not supported.")
    return encoding


def _strictly(body: bytes, encoding: str) -> str:
    try:
        return body.decode(encoding)
    except UnicodeError as error:
        at = f" at byte {error.start:,}" if isinstance(error, UnicodeDecodeError) else ""
        shown = encoding.removesuffix("-sig").upper()
        raise InvalidRequest(f"The file is not valid {shown}{at}.") from error


def _windows(body: bytes, failure: UnicodeDecodeError) -> str:
    """cp1252 for old Western text, but not for binary data, which nearly always decodes too."""
    reason = f"The file is not valid UTF-8 (byte {failure.start:,}), nor text in another encoding."
    try:
        text = body.decode("cp1252")
    except UnicodeDecodeError as error:
        raise InvalidRequest(reason) from error
    if _BINARY.search(text):
        raise InvalidRequest(reason)
    return text
