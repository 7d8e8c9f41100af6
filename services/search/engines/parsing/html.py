"""HTML to text: blocks as paragraphs, tables as lines, headings kept as offsets."""

import re
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from kit.errors import InvalidRequest
from services.search.engines.parsing.charsets import decode_text
from services.search.engines.parsing.extracted import Extracted, NoText, TextBuilder
from services.search.engines.parsing.limits import ParsingLimits

_HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_DROPPED: Final = frozenset(
    {"script", "style", "noscript", "template", "svg", "math", "iframe", "object", "head"}
)
_BLOCKS: Final = _HEADINGS | {
    "address", "article", "aside", "blockquote", "body", "dd", "details", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "header", "hr", "main", "nav", "ol", "p",
    "pre", "section", "summary", "table", "tbody", "tfoot", "thead", "title", "ul",
}  # fmt: skip
_LINES: Final = frozenset({"li", "tr", "br", "option"})
_CELLS: Final = frozenset({"td", "th"})
_SPACES: Final = " \t\r\n\f"  # not the no-break space, which joins
_RUN = re.compile(f"[{_SPACES}]+")


def parse_html(body: bytes, limits: ParsingLimits) -> Extracted:
    return html_to_text(decode_text(body, limits.characters, html=True), limits)


def html_to_text(source: str, limits: ParsingLimits) -> Extracted:
    try:
        tree = LexborHTMLParser(source)
    except SelectolaxError as error:  # it repairs any HTML: what fails is to allocate memory
        raise InvalidRequest("The HTML is nested too deeply to be read in memory.") from error
    writer = _Writer(limits.characters)
    title = tree.css_first("head > title")
    if title is not None:
        writer.heading()
        writer.words(title.text(deep=True))
        writer.gap(2)
    if tree.body is not None:
        _walk(tree.body, writer)
    if not writer.builder.length:
        raise NoText("The document has no text.")
    return Extracted(writer.builder.text() + "\n", headings=writer.headings)


class _Writer:
    """Collects words; breaks are remembered and written only between words."""

    def __init__(self, max_characters: int) -> None:
        self.builder = TextBuilder(max_characters)
        self.headings: list[int] = []
        self._pending = ""
        self._heading = False

    def gap(self, breaks: int) -> None:
        if self._pending.count("\n") < breaks:
            self._pending = "\n" * breaks

    def heading(self) -> None:
        self._heading = True

    def cell(self) -> None:
        if "\n" not in self._pending:
            self._pending = " | "

    def words(self, text: str, *, preserve: bool = False) -> None:
        if not preserve:
            text = _RUN.sub(" ", text)
        body = text.strip(_SPACES)
        if not body:
            self._space(text, preserve=preserve)
            return
        self._space(text[: len(text) - len(text.lstrip(_SPACES))], preserve=preserve)
        if self.builder.length:
            self.builder.add(self._pending)
        if self._heading:
            self.headings.append(self.builder.length)
            self._heading = False
        self.builder.add(body)
        self._pending = text[len(text.rstrip(_SPACES)) :]

    def _space(self, spaces: str, *, preserve: bool) -> None:
        if preserve or not self._pending:
            self._pending += spaces


def _walk(root: LexborNode, writer: _Writer) -> None:
    """Depth first, without recursion: hostile pages nest a million deep."""
    stack: list[tuple[LexborNode, bool, bool]] = [(root, False, False)]
    while stack:
        node, leaving, preserve = stack.pop()
        tag = node.tag or ""
        if leaving:
            _break(tag, writer, leaving=True)
            continue
        if node.next is not None and node is not root:
            stack.append((node.next, False, preserve))
        if tag == "-text":
            writer.words(node.text_content or "", preserve=preserve)
        elif tag not in _DROPPED and not tag.startswith(("-", "_")):
            _break(tag, writer, leaving=False)
            if tag in _BLOCKS or tag in _LINES:
                stack.append((node, True, preserve))
            if node.child is not None:
                stack.append((node.child, False, preserve or tag in ("pre", "textarea")))


def _break(tag: str, writer: _Writer, *, leaving: bool) -> None:
    if tag in _BLOCKS:
        writer.gap(2)
    elif tag in _LINES:
        writer.gap(1)
    elif tag in _CELLS and not leaving:
        writer.cell()
    if tag in _HEADINGS and not leaving:
        writer.heading()
