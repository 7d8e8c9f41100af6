"""Elements of a prompt, `<name>...</name>`, found in linear time."""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Element:
    """What stands between an opening tag and the next closing one of its name."""

    inner: str
    start: int
    end: int


def elements(text: str, names: Sequence[str]) -> list[Element]:
    """In order and without overlap; case is not minded, and a tag without an end is text.

    No expression with a group for the name: one looks for each opening tag's end up to the end of
    the text, and a prompt of opening tags would hold the interpreter for minutes.
    """
    tags = list(re.finditer(rf"<(/?)({'|'.join(names)})>", text, re.IGNORECASE))
    ends: dict[str, list[re.Match[str]]] = {}
    for tag in tags:
        if tag[1]:
            ends.setdefault(tag[2].casefold(), []).append(tag)
    found: list[Element] = []
    at = 0
    for tag in tags:
        if tag[1] or tag.start() < at:
            continue
        ending = _first_from(tag.end(), ends.get(tag[2].casefold(), []))
        if ending is not None:
            at = ending.end()
            found.append(Element(text[tag.end() : ending.start()], tag.start(), at))
    return found


def without(text: str, found: Sequence[Element]) -> str:
    """The text with a paragraph's end in each element's place."""
    starts = [0, *(element.end for element in found)]
    ends = [*(element.start for element in found), len(text)]
    return "\n\n".join(text[start:end] for start, end in zip(starts, ends, strict=True))


def _first_from(at: int, ends: Sequence[re.Match[str]]) -> re.Match[str] | None:
    index = bisect_left(ends, at, key=lambda tag: tag.start())
    return ends[index] if index < len(ends) else None
