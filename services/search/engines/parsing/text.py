"""Plain text and Markdown: the file's own characters, so offsets are those of the source."""

import re

from services.search.engines.parsing.charsets import decode_text
from services.search.engines.parsing.extracted import Extracted
from services.search.engines.parsing.limits import ParsingLimits

_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]|^(?=[^\n]{1,200}\n(?:={3,}|-{3,})[ \t\r]*$)", re.M)
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.M)


def parse_text(body: bytes, limits: ParsingLimits) -> Extracted:
    return Extracted(decode_text(body, limits.characters))


def parse_markdown(body: bytes, limits: ParsingLimits) -> Extracted:
    text = decode_text(body, limits.characters)
    return Extracted(text, headings=list(_headings(text)))


def _headings(text: str) -> list[int]:
    """Where headings begin; a `#` inside a fenced code block is none."""
    fences = [match.start() for match in _FENCE.finditer(text)]
    headings: list[int] = []
    opened = 0
    for match in _HEADING.finditer(text):
        while opened < len(fences) and fences[opened] < match.start():
            opened += 1
        if opened % 2 == 0:
            headings.append(match.start())
    return headings
