"""Hostile documents: a file name, how its bytes are made, and a pattern of the reason."""

import io
import json
import struct
import zipfile
from collections.abc import Callable

from tests.contract.parsing.documents import (
    archive,
    assembled,
    docx,
    encrypted_pdf,
    pdf,
    replaced,
    stream,
    xlsx,
)

_SHEET = "xl/worksheets/sheet1.xml"
_SPREADSHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
_LAUGHS = f'<!DOCTYPE d [<!ENTITY l0 "ha">{_LAUGHS}]><d>&l9;</d>'
_QUADRATIC = f'<!DOCTYPE d [<!ENTITY a "{"a" * 100_000}">]><d>{"&a;" * 20_000}</d>'
_EXTERNAL = '<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]><d>&a;</d>'
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def _workbook() -> bytes:
    return xlsx({"S": [["x"]]})


def _sheet(xml: str) -> bytes:
    return replaced(_workbook(), _SHEET, f'<worksheet xmlns="{_SPREADSHEET}">{xml}</worksheet>')


def _zip_of_zeros() -> bytes:
    return replaced(docx([("x", None)]), "word/media/a.bin", bytes(200_000_000))


def _overlapping() -> bytes:
    """Many entries of the directory point at one body, as in Fifield's bomb."""
    body = bytearray(docx([("x", None)]))
    end = body.rfind(b"PK\x05\x06")
    directory_at = struct.unpack("<I", body[end + 16 : end + 20])[0]
    with zipfile.ZipFile(io.BytesIO(bytes(body))) as reading:
        count = len(reading.infolist())
    directory = bytes(body[directory_at:end])
    first = 46 + struct.unpack("<H", directory[28:30])[0]
    copies = b"".join(
        directory[:46] + f"{n:019d}".encode().ljust(first - 46, b"_") for n in range(2000)
    )
    made = bytes(body[:directory_at]) + copies + directory
    record = struct.pack(
        "<4sHHHHIIH", b"PK\x05\x06", 0, 0, count + 2000, count + 2000,
        len(copies) + len(directory), directory_at, 0,
    )  # fmt: skip
    return made + record


def _patched(name: str, change: Callable[[zipfile.ZipInfo], None]) -> bytes:
    made = io.BytesIO(docx([("x", None)]))
    with zipfile.ZipFile(made, "a") as writing:
        entry = zipfile.ZipInfo(name)
        change(entry)
        writing.writestr(entry, b"/etc/passwd")
    return made.getvalue()


def _link(entry: zipfile.ZipInfo) -> None:
    entry.external_attr = 0o120777 << 16


def _encrypted_entries() -> bytes:
    body = bytearray(docx([("x", None)]))
    at = body.find(b"PK\x01\x02")
    while at >= 0:
        body[at + 8] |= 1
        at = body.find(b"PK\x01\x02", at + 4)
    return bytes(body)


def _lying_size() -> bytes:
    """The directory claims ten bytes of a part that has a hundred million."""
    body = bytearray(replaced(docx([("x", None)]), "word/document.xml", b" " * 100_000_000))
    at = body.rfind(b"PK\x01\x02")
    while b"word/document.xml" not in body[at : at + 70]:
        at = body.rfind(b"PK\x01\x02", 0, at)
    body[at + 24 : at + 28] = struct.pack("<I", 10)
    return bytes(body)


def _pdf_flate(filters: int) -> bytes:
    content = b"BT /F1 12 Tf (a) Tj ET\n" + b"(a) Tj " * 12_000_000
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R/Resources<<>>>>"
    pages = b"<</Type/Pages/Count 1/Kids[3 0 R]>>"
    return assembled([b"<</Type/Catalog/Pages 2 0 R>>", pages, page, stream(content, filters)])


def _pdf_loop() -> bytes:
    pages = b"<</Type/Pages/Count 2147483647/Kids[2 0 R 2 0 R]/Parent 2 0 R>>"
    return assembled([b"<</Type/Catalog/Pages 2 0 R>>", pages])


def _pdf_forms() -> bytes:
    """Each form draws the next twice: 2**40 drawings."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R"
        b"/Resources<</XObject<</X 5 0 R>>>>>>",
        stream(b"/X Do /X Do"),
    ]
    content = b"/X Do /X Do"
    objects.extend(
        b"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X %d 0 R>>>>"
        b"/Length %d>>stream\n%s\nendstream" % (6 + n, len(content), content)
        for n in range(40)
    )
    return assembled(objects)


def _nested_paragraphs() -> bytes:
    return docx(xml="<w:smartTag>" * 20_000 + "</w:smartTag>" * 20_000)


BOMBS: dict[str, tuple[str, Callable[[], bytes], str]] = {
    # archives
    "zip of zeros": ("a.docx", _zip_of_zeros, "expands more than 100 times"),
    "zip of zeros as xlsx": ("a.xlsx", _zip_of_zeros, "expands more than 100 times"),
    "overlapping entries": ("a.docx", _overlapping, "overlap"),
    "a size that lies": ("a.docx", _lying_size, "broken"),
    "60,000 entries": (
        "a.xlsx", lambda: archive({f"{n}": "" for n in range(60_000)}), "entries; at most"),
    "parent path": ("a.docx", lambda: replaced(docx(), "../../x", "x"), "leaves the archive"),
    "absolute path": ("a.docx", lambda: replaced(docx(), "/etc/x", "x"), "leaves the archive"),
    "backslash path": (
        "a.xlsx", lambda: replaced(_workbook(), "..\\..\\x", "x"), "leaves the archive"),
    "symbolic link": ("a.docx", lambda: _patched("word/x", _link), "symbolic link"),
    "encrypted entries": ("a.docx", _encrypted_entries, "Encrypted docx"),
    "encrypted docx": (
        "a.docx", lambda: _OLE + bytes(1016) + "EncryptedPackage".encode("utf-16-le"),
        "Encrypted docx"),
    "legacy doc renamed": ("a.docx", lambda: _OLE + bytes(1016), "legacy Office"),
    "truncated docx": ("a.docx", lambda: docx([("x" * 900, None)])[:-300], "broken"),
    "damaged deflate": (
        "a.xlsx", lambda: _workbook()[:60] + b"\xff" * 40 + _workbook()[100:], "broken"),
    # XML
    "billion laughs in docx": ("a.docx", lambda: docx(document=_LAUGHS), "document type"),
    "billion laughs in xlsx": (
        "a.xlsx", lambda: replaced(_workbook(), _SHEET, _LAUGHS), "document type"),
    "billion laughs in UTF-16": (
        "a.docx", lambda: docx(document=_LAUGHS.encode("utf-16")), "document type"),
    "quadratic entities": (
        "a.xlsx", lambda: replaced(_workbook(), "xl/sharedStrings.xml", _QUADRATIC),
        "document type"),
    "external entity": ("a.docx", lambda: docx(document=_EXTERNAL), "document type"),
    "docx nested 20,000 deep": ("a.docx", _nested_paragraphs, "nested|broken|crashed"),
    "sheet of 1e6 by 1e4": (
        "a.xlsx", lambda: _sheet('<dimension ref="A1:NTP1000000"/><sheetData/>'), "no cells"),
    "cells at the last corner": (
        "a.xlsx",
        lambda: _sheet(
            "<sheetData>"
            + "".join(f'<row r="{n}"><c r="XFD{n}"><v>1</v></c></row>' for n in range(1, 30_000))
            + "</sheetData>"
        ),
        "characters of text"),
    "shared string out of range": (
        "a.xlsx",
        lambda: _sheet('<sheetData><row r="1"><c r="A1" t="s"><v>9</v></c></row></sheetData>'),
        "broken"),
    # PDF
    "PDF flate bomb": ("a.pdf", lambda: _pdf_flate(1), "MiB|longer|no text"),
    "PDF flate bomb, twice": ("a.pdf", lambda: _pdf_flate(2), "MiB|longer|no text"),
    "PDF pages in a loop": ("a.pdf", _pdf_loop, "pages; at most|no text|broken"),
    "PDF forms drawing forms": ("a.pdf", _pdf_forms, "longer|no text|MiB"),
    "encrypted PDF": ("a.pdf", encrypted_pdf, "Encrypted PDF"),
    "truncated PDF": ("a.pdf", lambda: pdf(["x"])[:200], "Not a valid PDF|no text"),
    # text
    "JSON nested a million deep": ("a.json", lambda: b"[" * 1_000_000, "nested too deeply"),
    "JSON of growing paths": (
        "a.json",
        lambda: json.dumps({"k" * 1000: {"k" * 1000: dict.fromkeys(map(str, range(20_000)))}})
        .replace("null", "1").encode(),
        "characters of text"),
    "JSON number of a million digits": ("a.json", lambda: b"[" + b"1" * 10**6 + b"x", "JSON"),
    "HTML nested a million deep": ("a.html", lambda: b"<div>" * 10**6, "longer|MiB|no text"),
    "HTML of unclosed formatting": (
        "a.html", lambda: b"<a><b><i><p>" * 250_000, "nested too deeply|longer|no text"),
    "HTML attribute of 19 MB": ("a.html", lambda: b"<p a='" + b"x" * 19_000_000, "MiB|no text"),
    "CSV field of 10 MB": (
        "a.csv", lambda: b'text\n"' + b"x" * 10**7 + b'"\n', "field larger than"),
    "CSV of a million columns": ("a.csv", lambda: b"text," * 10**6, "1,000 columns"),
    "text of 45 MB": ("a.txt", lambda: b"words " * 7_500_000, "characters of text"),
    "text too large": ("a.txt", lambda: bytes(50_000_001), "larger than 50 MB"),
    "a million NULs": ("a.txt", lambda: bytes(10**6), "NUL bytes"),
    "truncated UTF-16": ("a.txt", lambda: b"\xff\xfe" + b"a\0" * 10**6 + b"a", "not valid UTF-16"),
    "truncated UTF-8 in NULs": ("a.md", lambda: b"\xc3" + b"\x00" + b"\xff" * 10**6, "not valid"),
}  # fmt: skip
HEAVY: dict[str, tuple[str, Callable[[], bytes]]] = {
    "a line of 10 MB": ("a.txt", lambda: b"x" * 10**7),
    "a line of 10 MB in CSV": ("a.csv", lambda: b"x" * 10**7),
    "a million headings": ("a.md", lambda: b"# a\n" * 10**6),
    "a million underlines": ("a.md", lambda: b"=" * 10**6 + b"\n---\n" * 10**6),
    "a million open fences": ("a.md", lambda: b"```\n# a\n" * 10**6),
    "inline tags a million deep": ("a.html", lambda: b"<b>" * 10**6 + b"x"),
    "100,000 table rows": ("a.html", lambda: b"<table>" + b"<tr><td>x" * 100_000),
    "half a tag a million times": ("a.html", lambda: b"x<" * 10**6 + b"<meta " * 10**5),
    "a million JSON leaves": ("a.json", lambda: b"[" + b"1," * 10**6 + b"1]"),
    "a workbook of 10,000 rows": ("a.xlsx", lambda: xlsx({"S": [["word", 1]] * 10_000})),
    "a zip in the docx": (
        "a.docx", lambda: replaced(docx([("x", None)]), "in.zip", archive({"a": bytes(10**8)}))),
    "a PDF of 500 pages": ("a.pdf", lambda: pdf(["words"] * 500)),
}  # fmt: skip
"""Large or odd, but honest: these parse within the limits."""
