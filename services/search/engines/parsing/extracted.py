"""What a format hands back, and the builder that keeps offsets right while text is put together."""

from dataclasses import dataclass, field

from kit.errors import InvalidRequest


@dataclass(slots=True)
class Extracted:
    """Like ports.ParsedDocument, without its imports: the child that parses stays small."""

    text: str
    pages: list[tuple[int, int]] = field(default_factory=list)
    headings: list[int] = field(default_factory=list)
    rows: list[tuple[int, int, dict[str, str]]] | None = None


class NoText(InvalidRequest):
    """ports.NoText, in the child."""


class TextBuilder:
    """Appends pieces, cleaned, up to a number of characters; `length` is the next offset."""

    def __init__(self, max_characters: int) -> None:
        self.length = 0
        self._max = max_characters
        self._pieces: list[str] = []

    def add(self, piece: str) -> None:
        piece = clean(piece)
        self.length += len(piece)
        check_length(self.length, self._max)
        self._pieces.append(piece)

    def text(self) -> str:
        return "".join(self._pieces)


def clean(text: str) -> str:
    """Without NULs (databases refuse them) and with lone surrogates made visible."""
    if "\0" in text:
        text = text.replace("\0", "")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def check_length(characters: int, maximum: int) -> None:
    if characters > maximum:
        raise InvalidRequest(f"The document has more than {maximum:,} characters of text.")
