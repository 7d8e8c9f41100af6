"""Writes a plain PDF of a text file: `make_pdf.py report.txt report.pdf` (Latin-1, one font)."""

import sys
import textwrap
from pathlib import Path

LINES_PER_PAGE = 48


def pdf(text: str) -> bytes:
    """A PDF 1.4 document: catalogue, pages, one font, and for each page its stream of lines."""
    wrapped = [part for line in text.splitlines() for part in textwrap.wrap(line, 88) or [""]]
    pages = [wrapped[at : at + LINES_PER_PAGE] for at in range(0, len(wrapped), LINES_PER_PAGE)]
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, lines in enumerate(pages):
        stream = _stream(lines)
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] "
            f"/Resources << /Font << /F1 3 0 R >> >> /Contents {5 + 2 * number} 0 R >>"
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    return _file(objects)


def _stream(lines: list[str]) -> str:
    escaped = (line.translate(str.maketrans({c: f"\\{c}" for c in "\\()"})) for line in lines)
    return "BT /F1 11 Tf 15 TL 60 780 Td\n" + "\n".join(f"({e}) Tj T*" for e in escaped) + "\nET"


def _file(objects: list[str]) -> bytes:
    body, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(body))
        body += f"{number} 0 obj\n{content}\nendobj\n".encode("latin-1")
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    end = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<< /Size {size} /Root 1 0 R >>\n"
    return body + f"{end}startxref\n{len(body)}\n%%EOF\n".encode("latin-1")


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    target.write_bytes(pdf(source.read_text()))
