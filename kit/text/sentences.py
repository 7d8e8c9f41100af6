"""Splits a text into sentences by rules, in linear time, with their offsets."""

# ruff: noqa: RUF001 (the punctuation of many scripts is the point)
import re
from collections.abc import Iterator
from itertools import islice

_CLOSERS = "\"'”’»)\\]}」』】）》*_"
_CANDIDATE = re.compile(
    rf"""
      (?P<stop>[.!?…؟۔।]++[{_CLOSERS}]*+)     # ends a sentence when white space follows
    | (?P<wide>[。！？｡．]++[{_CLOSERS}]*+)    # CJK: ends it at once
    | (?P<paragraph>\n[^\S\n]*+\n\s*+)
    | (?P<line>\n[^\S\n]*+)
    """,
    re.VERBOSE,
)
_BLOCK_START = re.compile(r"(?:[-*+•‣▪–]|\d{1,3}[.)]|#{1,6}|>)[ \t]|\|")
# Between cells there is no space, as there is in prose; "1,200" is one cell.
_CELL_BREAK = re.compile(r"[,;\t](?=\S)(?!\d{3}(?!\d))|\|")
_CELL_BREAKS = 3
_BEFORE = re.compile(r"(?:[^\W_]\.)*[^\W_]+$")
_AFTER = re.compile(r"[^\W_]{1,20}")
_OPENERS = "\"'“‘«([{「『【（《*_-–—•¿¡"
_LOOK_BEHIND = 24
_SHORT_LINE = 0.6


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


# Never end a sentence; titles only with their capital ("Ms. Jones", but "It took 5 ms. Jones").
_BINDING = _words("bzw ca cf esp incl vgl viz vs")
_TITLES = _words(
    "adm atty brig bros capt cmdr col dr dra fr gen gov hon ing insp lt maj messrs mlle mme mr mrs"
    " ms mt mx nr pres prof pvt rep rev sen sgt sr sra supt"
)
# Do not end one before a number ("No. 5", "Fig. 3", "Jan. 7").
_BEFORE_NUMBER = _words(
    "abs apr art aug ch dec eq eqs feb fig figs jan jul jun jän mai mar no nos nov oct okt p para"
    " pp sec sep sept tab v ver vol vols"
)
# End one only before a word that plainly opens a sentence ("Acme Inc. The company").
_MAY_END = _words("approx al co corp est inc jr ltd max min plc st")
_STARTERS = _words(
    "a after all although an and any as at because before but by during each first for from he her"
    " here his how however i if in it its many most my no on one our she since so some such that"
    " the their then there these they this those to we what when where which while who why with"
    " you your das der die ein eine er es sie wir el la los las le les il un une"
)


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Start and end of each sentence in code points, without the white space around it.

    Spans are ordered, never empty, do not overlap, and cover all but white space. Paragraphs,
    headings, list items and table rows end a sentence even where punctuation does not.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for cut in _cuts(text):
        _append_trimmed(spans, text, start, cut)
        start = cut
    _append_trimmed(spans, text, start, len(text))
    return spans


def is_row(text: str, start: int = 0, end: int | None = None) -> bool:
    """Whether a line is a row of a table: comma-, semicolon- or tab-separated, or with bars."""
    breaks = _CELL_BREAK.finditer(text, start, len(text) if end is None else end)
    return sum(1 for _ in islice(breaks, _CELL_BREAKS)) == _CELL_BREAKS


def _append_trimmed(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    body = piece.strip()
    if body:
        first = start + len(piece) - len(piece.lstrip())
        spans.append((first, first + len(body)))


def _cuts(text: str) -> Iterator[int]:
    line_start = 0  # of the line that holds the current position
    for match in _CANDIDATE.finditer(text):
        kind, end = match.lastgroup, match.end()
        if (
            kind in ("paragraph", "wide")
            or (kind == "stop" and _ends_sentence(text, match))
            or (kind == "line" and _line_ends_block(text, line_start, match.start(), end))
        ):
            yield end
        if kind in ("paragraph", "line"):
            line_start = end


def _ends_sentence(text: str, stop: re.Match[str]) -> bool:
    end = stop.end()
    if end == len(text):
        return True
    if not text[end].isspace():
        return False
    following, word = _next_word(text, end)
    if following.islower():
        return False
    if stop.group() == "." or text[stop.start() : stop.start() + 2] in (".)", ".]"):
        return _period_ends(text, stop.start(), following, word)
    return True


def _next_word(text: str, at: int) -> tuple[str, str]:
    """The first letter or digit after the white space and openers at `at`, and its word."""
    limit = min(len(text), at + 200)
    while at < limit and (text[at].isspace() or text[at] in _OPENERS):
        at += 1
    match = _AFTER.match(text, at)
    word = match.group() if match else text[at : at + 1]
    return word[:1], word.lower()


def _period_ends(text: str, dot: int, following: str, word: str) -> bool:
    match = _BEFORE.search(text[max(0, dot - _LOOK_BEHIND) : dot])
    if match is None:
        return True
    before = match.group()
    lowered = before.lower()
    if lowered in _BINDING or (lowered in _TITLES and before[0].isupper()):
        return False
    if following.isdigit() and lowered in _BEFORE_NUMBER:
        return False
    if len(before) == 1 and before.isupper() and before != "I":  # "J. R. R. Tolkien"
        return word in _STARTERS and word != "i"
    if before.isdigit() and _starts_line(text, dot - len(before)):
        return False  # the number of a list item
    if before[0].isdigit():
        return True
    if "." in before or lowered in _MAY_END:  # "U.S.", "e.g.", "p.m.", "Inc."
        return lowered not in ("e.g", "i.e", "z.b", "d.h", "u.a") and word in _STARTERS
    return True


def _starts_line(text: str, at: int) -> bool:
    while at > 0 and text[at - 1] in " \t":
        at -= 1
    return at == 0 or text[at - 1] == "\n"


def _line_ends_block(text: str, start: int, end: int, following: int) -> bool:
    """Whether a single line break separates blocks rather than wraps a sentence."""
    if _BLOCK_START.match(text, following) or text[start : start + 1] in ("#", "|"):
        return True
    if is_row(text, start, end):
        return True
    head = text[following : following + 1]
    if not (head.isupper() or head.isdigit()) or text[end - 1 : end] in (",", ";", "-", "–", "—"):
        return False
    # A line much shorter than the next was not wrapped: it is a heading or ends a paragraph.
    next_end = text.find("\n", following, following + 400)
    next_length = (next_end if next_end >= 0 else min(len(text), following + 400)) - following
    return end - start < _SHORT_LINE * next_length
