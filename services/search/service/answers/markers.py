"""Takes citation markers such as [2] or [1, 3] out of a text that comes in fragments."""

import re
from dataclasses import dataclass

# White space is taken from where its run begins, so that long runs cost linear time.
_MARKER = re.compile(
    r"(?<![ \t])[ \t]*+\[[ \t]{0,2}(?:(?:search )?(?:source|result|passage)s? ?)?"
    r"(?P<numbers>\^?\d{1,3}(?:[ \t]{0,2}[,;][ \t]{0,2}\d{1,3}){0,8})[ \t]{0,2}\]",
    re.IGNORECASE,
)
_LONGEST_MARKER = 100
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Mark:
    """`number` as the model wrote it, at an offset of the text without markers."""

    offset: int
    number: int


class MarkerStripper:
    """Gives text that later fragments cannot change; how the fragments are cut does not matter."""

    def __init__(self) -> None:
        self._held = ""
        self._length = 0  # of the clean text so far

    def feed(self, fragment: str) -> tuple[str, list[Mark]]:
        """Clean text that is certain now, and the marks in it."""
        text = self._held + fragment
        end = _open_end(text)
        self._held = text[end:]
        return self._strip(text[:end])

    def finish(self) -> tuple[str, list[Mark]]:
        """What was held back, without white space at the text's end."""
        text, self._held = self._held, ""
        clean, marks = self._strip(text)
        return clean.rstrip(), marks

    def _strip(self, text: str) -> tuple[str, list[Mark]]:
        clean: list[str] = []
        marks: list[Mark] = []
        last = 0
        for match in _MARKER.finditer(text):
            self._add(clean, text[last : match.start()])
            numbers = _DIGITS.findall(match["numbers"])
            marks += [Mark(self._length, int(number)) for number in numbers]
            last = match.end()
        self._add(clean, text[last:])
        return "".join(clean), marks

    def _add(self, clean: list[str], piece: str) -> None:
        if self._length == 0:
            piece = piece.lstrip()  # an answer does not begin with white space
        clean.append(piece)
        self._length += len(piece)


def _open_end(text: str) -> int:
    """Where the part begins that may still become a marker, or be white space at the end."""
    end = len(text)
    bracket = text.rfind("[", max(0, end - _LONGEST_MARKER))
    if bracket >= 0 and "]" not in text[bracket:]:
        end = bracket
    return len(text[:end].rstrip())
