"""Documents of every format, made in the test so that what they say is known."""

import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence

import openpyxl

_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/></Types>'
)
_RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Target="word/document.xml" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"/>'
    "</Relationships>"
)
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def archive(parts: Mapping[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as writing:
        for name, content in parts.items():
            writing.writestr(name, content)
    return made.getvalue()


def docx(
    paragraphs: Sequence[tuple[str, str | None]] = (), *, xml: str = "", **more: str | bytes
) -> bytes:
    """Paragraphs of (text, style), or the body's XML, or a whole `document` part."""
    styled = "".join(
        f"<w:p>{_style(style)}<w:r><w:t>{text}</w:t></w:r></w:p>" for text, style in paragraphs
    )
    document = f'<w:document xmlns:w="{_WORD}"><w:body>{styled}{xml}</w:body></w:document>'
    parts = {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": _RELATIONS,
        "word/document.xml": more.pop("document", document),
        "word/styles.xml": (
            f'<w:styles xmlns:w="{_WORD}"><w:style w:type="paragraph" w:styleId="Heading1">'
            '<w:name w:val="heading 1"/></w:style></w:styles>'
        ),
    }
    return archive(parts | more)


def _style(style: str | None) -> str:
    return f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""


def xlsx(sheets: Mapping[str, Sequence[Sequence[object]]]) -> bytes:
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.worksheets[0])
    for title, rows in sheets.items():
        sheet = workbook.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    made = io.BytesIO()
    workbook.save(made)
    return made.getvalue()


def replaced(body: bytes, part: str, content: str | bytes) -> bytes:
    """The archive with one part's content replaced, or added."""
    with zipfile.ZipFile(io.BytesIO(body)) as reading:
        parts: dict[str, str | bytes] = {name: reading.read(name) for name in reading.namelist()}
    return archive(parts | {part: content})


def pdf(pages: Sequence[str], *, trailer: str = "", filters: int = 1) -> bytes:
    """One line of Helvetica per text line; `filters` compresses the streams that many times."""
    objects: list[bytes] = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count %d/Kids[%s]>>"
        % (len(pages), b" ".join(b"%d 0 R" % (4 + 2 * at) for at in range(len(pages)))),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    for at, text in enumerate(pages):
        lines = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)").split("\n")
        shown = " T* ".join(f"({line}) Tj" for line in lines)
        objects.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents %d 0 R"
            b"/Resources<</Font<</F1 3 0 R>>>>>>" % (5 + 2 * at)
        )
        content = f"BT /F1 12 Tf 14 TL 72 720 Td {shown} ET".encode("cp1252") if text else b""
        objects.append(stream(content, filters))
    return assembled(objects, trailer)


def stream(content: bytes, filters: int = 1) -> bytes:
    for _ in range(filters):
        content = zlib.compress(content, 9)
    names = b"/FlateDecode" * filters
    return b"<</Length %d/Filter[%s]>>stream\n%s\nendstream" % (len(content), names, content)


def assembled(objects: Sequence[bytes], trailer: str = "") -> bytes:
    made = b"%PDF-1.4\n"
    offsets = []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return (
        made
        + b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
        + b"trailer<</Size %d/Root 1 0 R%s>>\n" % (len(objects) + 1, trailer.encode())
        + b"startxref\n%d\n%%%%EOF" % len(made)
    )


def encrypted_pdf() -> bytes:
    """Names the standard security handler, with a password that nobody gives."""
    owner, user = "ab" * 32, "cd" * 32
    return pdf(
        ["secret"],
        trailer=f"/Encrypt<</Filter/Standard/V 1/R 2/O<{owner}>/U<{user}>/P -4>>"
        f"/ID[<{'01' * 16}><{'01' * 16}>]",
    )
