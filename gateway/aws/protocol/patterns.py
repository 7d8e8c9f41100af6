"""Translates the models' patterns, written for Java, into Python's regular expressions."""

import re
import unicodedata
from functools import cache

# Beyond these, the code space is unassigned or for private use; looking at it costs a second.
_LETTERED = (range(0x32400), range(0xE0000, 0xE0200))
_POSIX = {"Alnum": "a-zA-Z0-9", "ASCII": r"\x00-\x7f", "Print": r"\x20-\x7e"}
_PROPERTY = re.compile(r"\\([pP])\{(\w+)\}")
_MISTYPED_DIGIT = re.compile(r"/d(?=[{+])")  # bedrock-agent's ARNs of what can be tagged
_SURROGATES = r"\uD800\uDC00-\uDBFF\uDFFF"


@cache
def translate(pattern: str) -> re.Pattern[str] | None:
    """Matched with `fullmatch`, as AWS does; None for a pattern that cannot be translated."""
    text = pattern.replace(_SURROGATES, r"\U00010000-\U0010FFFF").replace(r"\z", r"\Z")
    text = _MISTYPED_DIGIT.sub(r"\\d", text)
    try:
        return re.compile(_expand(text))
    except (re.error, KeyError):
        return None


def _expand(text: str) -> str:
    """Replaces Unicode classes, bare or inside brackets, by the ranges they stand for."""
    parts: list[str] = []
    inside, at = False, 0
    while at < len(text):
        found = _PROPERTY.match(text, at)
        if found:
            parts.append(_class_text(found[2], negated=found[1] == "P", inside=inside))
            at = found.end()
            continue
        step = 2 if text[at] == "\\" else 1
        inside = {"[": True, "]": False}.get(text[at], inside)
        parts.append(text[at : at + step])
        at += step
    return "".join(parts)


def _class_text(name: str, *, negated: bool, inside: bool) -> str:
    ranges = _POSIX.get(name) or _ranges()[name]
    if not inside:
        return f"[{'^' if negated else ''}{ranges}]"
    if negated:
        raise KeyError(name)
    return ranges


@cache
def _ranges() -> dict[str, str]:
    """Range text by general category's first letter: L, M, N, P, S, Z and C."""
    spans: dict[str, list[list[int]]] = {}
    for block in _LETTERED:
        for point in block:
            letter = unicodedata.category(chr(point))[0]
            known = spans.setdefault(letter, [])
            if known and known[-1][1] == point - 1:
                known[-1][1] = point
            else:
                known.append([point, point])
    spans["C"] += [[0x32400, 0xDFFFF], [0xE0200, 0x10FFFF]]
    return {
        letter: "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in found)
        for letter, found in spans.items()
    }
