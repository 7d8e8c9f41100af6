"""PDF text, page by page, with PDFium."""

import pypdfium2
import pypdfium2.raw

from kit.errors import InvalidRequest
from services.search.engines.parsing.extracted import Extracted, NoText, TextBuilder
from services.search.engines.parsing.limits import ParsingLimits
from services.search.engines.parsing.pdf_paragraphs import with_paragraphs

_REASONS = {
    pypdfium2.raw.FPDF_ERR_PASSWORD: "Encrypted PDF: remove the password and upload it again.",
    pypdfium2.raw.FPDF_ERR_SECURITY: "Encrypted PDF: its security scheme is not supported.",
}


def parse_pdf(body: bytes, limits: ParsingLimits) -> Extracted:
    try:
        document = pypdfium2.PdfDocument(body)
    except pypdfium2.PdfiumError as error:
        reason = _REASONS.get(error.err_code, "Not a valid PDF: the file is broken.")
        raise InvalidRequest(reason) from error
    count = len(document)
    if count > limits.pdf_pages:
        raise InvalidRequest(f"The PDF has {count:,} pages; at most {limits.pdf_pages:,} are read.")
    builder = TextBuilder(limits.characters)
    pages: list[tuple[int, int]] = []
    found = False
    for number in range(count):
        text = _page_text(document, number)
        pages.append((number + 1, builder.length))
        found = found or bool(text)
        builder.add(f"{text}\n\n" if text else "")
    if not found:
        raise NoText("The PDF has no text: its pages are images or empty.")
    return Extracted(builder.text(), pages=pages)


def _page_text(document: pypdfium2.PdfDocument, number: int) -> str:
    try:
        page = document[number]
        textpage = page.get_textpage()
        text = with_paragraphs(textpage, textpage.get_text_bounded())
    except pypdfium2.PdfiumError as error:
        raise InvalidRequest(f"Not a valid PDF: page {number + 1:,} is broken.") from error
    textpage.close()
    page.close()
    # PDFium marks a hyphen at a line's end with U+FFFE, or U+0002: the word goes on.
    joined = text.replace("\r\n", "\n").replace("\ufffe\n", "").replace("\x02\n", "")
    return joined.replace("\ufffe", "").replace("\x02", "").strip()
