from collections.abc import AsyncIterator
from datetime import date

import pytest
import pytest_asyncio

from kit.errors import InvalidRequest
from services.search.engines.parsing.sandbox import SandboxedParser
from services.search.ports import Page, ParsedDocument, ParsedRow, Parser, RecordStructure
from tests.contract.parsing.documents import docx, encrypted_pdf, pdf, xlsx

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def parser() -> AsyncIterator[Parser]:
    made = SandboxedParser()
    yield made
    await made.close()


async def test_text_is_kept_to_the_character(parser: Parser) -> None:
    text = "Café 😀\r\n\r\nSecond\tline  with  spaces\n"
    assert await parser.parse(text.encode(), name="a/b.TXT") == ParsedDocument(text)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("\ufeffnaïve".encode(), "naïve"),
        ("naïve".encode("utf-16"), "naïve"),
        ("\ufeffnaïve".encode("utf-16-be"), "naïve"),
        ("naïve".encode("utf-32"), "naïve"),
        ("naïve “quoted”".encode("cp1252"), "naïve “quoted”"),
        (b"one\0 stray NUL" + b" in a long text" * 100, "one stray NUL" + " in a long text" * 100),
    ],
)
async def test_encodings_are_told_apart(parser: Parser, body: bytes, text: str) -> None:
    assert (await parser.parse(body, name="a.txt")).text == text


async def test_markdown_keeps_its_text_and_tells_its_headings(parser: Parser) -> None:
    text = "# One\ntext\n\nTwo\n===\n```\n# no heading\n```\n## Three\n"
    document = await parser.parse(text.encode(), name="a.md")
    assert document.text == text
    assert [text[at:].split("\n")[0] for at in document.headings] == ["# One", "Two", "## Three"]


async def test_html_gives_its_words_in_blocks(parser: Parser) -> None:
    source = """<!doctype html><html><head><title>The  title</title><style>p{}</style></head>
    <body><h1>Head <b>line</b></h1><script>alert(1)</script><p>One&nbsp;<i>two</i>,
    three.<br>Four<div>Five<ul><li>a</li><li>b</li></ul></div>
    <table><tr><th>k<th>v<tr><td>1<td>2</table><pre>x  y\n  z</pre></body></html>"""
    document = await parser.parse(source.encode(), name="a.html")
    assert document.text == (
        "The title\n\nHead line\n\nOne\xa0two, three.\nFour\n\nFive\n\na\nb\n\n"
        "k | v\n1 | 2\n\nx  y\n  z\n"
    )
    assert [document.text[at : at + 4] for at in document.headings] == ["The ", "Head"]


async def test_html_is_decoded_as_it_declares(parser: Parser) -> None:
    source = '<meta charset="windows-1251"><p>Привет'.encode("cp1251")
    assert (await parser.parse(source, name="a.htm")).text == "Привет\n"


async def test_json_becomes_lines_of_key_paths(parser: Parser) -> None:
    source = b'{"a": {"b": [1.50, "x\\ud800\\u0000"]}, "c": true, "d": null, "e": {}}'
    document = await parser.parse(source, name="a.json")
    assert document.text == "a.b[0]: 1.50\na.b[1]: x\ufffd\nc: true\n"


async def test_csv_is_its_text_or_its_rows(parser: Parser) -> None:
    source = b'Id,Text,Year\n1,"First, with comma",2020\n\n2,"two\nlines",\n3,,2022\n'
    assert (await parser.parse(source, name="a.csv")).text == source.decode()
    rows = RecordStructure("Text", exclude_fields=("Id",))
    document = await parser.parse(source, name="a.csv", records=rows)
    assert document.text == "First, with comma\ntwo\nlines\n"
    assert document.rows == (
        ParsedRow(0, 17, {"Year": "2020"}),
        ParsedRow(18, 27, {"Year": ""}),
    )
    rows = RecordStructure("Text", include_fields=("Id",))
    document = await parser.parse(source, name="a.csv", records=rows)
    assert document.rows is not None
    assert [row.metadata for row in document.rows] == [{"Id": "1"}, {"Id": "2"}]


async def test_pdf_pages_are_found_again_by_offset(parser: Parser) -> None:
    document = await parser.parse(pdf(["First page\nof two", "", "Third (page)"]), name="a.pdf")
    assert document.text == "First page\nof two\n\nThird (page)\n\n"
    assert document.pages == (Page(1, 0), Page(2, 19), Page(3, 19))


async def test_pdf_paragraphs_end_where_the_gap_between_lines_is_wide(parser: Parser) -> None:
    page = "A heading\n\nOne line goes on\nin another (gap).\n\n\nA paragraph\nof two lines."
    document = await parser.parse(pdf([page]), name="a.pdf")
    assert document.text == page.replace("\n\n\n", "\n\n") + "\n\n"


async def test_pdf_lines_far_apart_everywhere_are_one_paragraph(parser: Parser) -> None:
    document = await parser.parse(pdf(["One\n\nline\n\nafter\n\nanother"]), name="a.pdf")
    assert document.text == "One\nline\nafter\nanother\n\n"


async def test_docx_gives_paragraphs_and_headings(parser: Parser) -> None:
    body = docx([("A title", "Heading1"), ("Some words.", None), ("Added &amp; more.", None)])
    document = await parser.parse(body, name="a.docx")
    assert document.text == "A title\n\nSome words.\n\nAdded & more.\n"
    assert document.headings == (0,)


async def test_xlsx_sheets_are_pages_of_rows(parser: Parser) -> None:
    body = xlsx(
        {
            "Sales": [["Region", "Total"], ["North", 12], ["South", None, 1.5]],
            "More": [[date(2024, 2, 29), True], [None, "a\nb"]],
        }
    )
    document = await parser.parse(body, name="a.xlsx")
    assert document.text == (
        "Sales\n\nRegion | Total\nNorth | 12\nSouth |  | 1.5\n\n"
        "More\n\n2024-02-29 | TRUE\n | a b\n\n"
    )
    assert [document.text[page.start :].split("\n")[0] for page in document.pages] == [
        "Sales",
        "More",
    ]


@pytest.mark.parametrize(
    ("name", "body", "reason"),
    [
        ("a.xyz", b"x", "Unknown type .xyz"),
        ("noextension", b"x", "no extension"),
        (".txt", b"x", "no extension"),
        ("a.doc", b"x", "save the document as .docx"),
        ("a.xls", b"x", "save the workbook as .xlsx"),
        ("a.pptx", b"x", "PowerPoint"),
        ("a.png", b"x", "Images"),
        ("a.txt", b"", "empty"),
        ("a.txt", b" \n", "no text"),
        ("a.txt", b"%PDF-1.4", "its content is a PDF"),
        ("a.csv", b"PK\x03\x04", "its content is a zip archive"),
        ("a.pdf", b"hello", "Not a valid PDF"),
        ("a.docx", b"hello", "Not a valid docx"),
        ("a.docx", pdf(["x"]), "its content is a PDF"),
        ("a.docx", xlsx({"S": [["x"]]}), "Not a valid docx"),
        ("a.xlsx", docx([("x", None)]), "Not a valid xlsx"),
        ("a.pdf", encrypted_pdf(), "Encrypted PDF"),
        ("a.pdf", pdf([""]), "no text"),
        ("a.pdf", pdf(["x"])[:60], "Not a valid PDF"),
        ("a.xlsx", xlsx({"S": []}), "no cells"),
        ("a.json", b"{", "Not valid JSON.*line 1"),
        ("a.html", b"<script>x</script>", "no text"),
        ("a.html", b'<meta charset="utf-7">\xff', "encoding 'utf-7'"),
        ("a.txt", b"\x81\x8d", "not valid UTF-8"),
        ("a.txt", bytes(range(256)), "NUL bytes"),
        ("a.txt", bytes(range(1, 256)) * 9, "not valid UTF-8"),
        ("a.txt", b"\xff\xfea", "not valid UTF-16"),
        ("a.txt", "words".encode("utf-16-le"), "NUL bytes"),
    ],
)
async def test_what_cannot_be_read_is_refused_with_the_reason(
    parser: Parser, name: str, body: bytes, reason: str
) -> None:
    with pytest.raises(InvalidRequest, match=reason):
        await parser.parse(body, name=name)


@pytest.mark.parametrize(
    ("body", "records", "reason"),
    [
        (b"a,b\n1,2\n", RecordStructure("c"), "no column 'c'"),
        (b"a,b\n1,2\n", RecordStructure("a", ("z",)), "no column 'z'"),
        (b"a,a\n1,2\n", RecordStructure("a"), "'a' twice"),
        (b"a,b\n1,2\n3\n", RecordStructure("a"), "line 3 has 1 columns; the header has 2"),
        (b"a,b\n,2\n", RecordStructure("a"), "No row has a value"),
        (b'a,b\n"1,2\n', RecordStructure("a"), "Not a valid CSV"),
        (b'a,b\n"1"x,2\n', RecordStructure("a"), "Not a valid CSV file at line 2"),
        (b"a\n" + b"1;" * 20_000, None, "Line 2 of the CSV file has 20,001 columns"),
        (b",".join(b"%d" % n for n in range(200_000)), RecordStructure("0"), "1,000 columns"),
    ],
)
async def test_a_csv_that_breaks_its_structure_is_refused(
    parser: Parser, body: bytes, records: RecordStructure | None, reason: str
) -> None:
    with pytest.raises(InvalidRequest, match=reason):
        await parser.parse(body, name="a.csv", records=records)
