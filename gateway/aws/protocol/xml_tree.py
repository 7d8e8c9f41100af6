"""A small XML reader that refuses what makes XML dangerous: DTDs, entities and deep nesting."""

from dataclasses import dataclass, field
from xml.parsers import expat

from gateway.aws.protocol.failures import SerializationFailed

_DEEPEST = 64


@dataclass(slots=True)
class Element:
    """An element by its local name; attributes keep their prefix (`xsi:type`)."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list["Element"] = field(default_factory=list)
    text: str = ""

    def by_tag(self) -> dict[str, list["Element"]]:
        found: dict[str, list[Element]] = {}
        for child in self.children:
            found.setdefault(child.tag, []).append(child)
        return found


def parse(body: bytes) -> Element:
    """Raises SerializationFailed for anything but one well-formed element tree without a DTD."""
    builder = _Builder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        # The latter two are of the encoding that the declaration names: one not served, or unknown.
        raise SerializationFailed(f"The body is not well-formed XML: {error}") from error
    return builder.root.children[0]


class _Builder:
    def __init__(self) -> None:
        self.root = Element("")
        self._open = [self.root]

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self._open) > _DEEPEST:
            raise SerializationFailed(f"The XML is nested deeper than {_DEEPEST} elements.")
        element = Element(tag.rpartition(":")[2], attributes)
        self._open[-1].children.append(element)
        self._open.append(element)

    def end(self, _: str) -> None:
        self._open.pop()

    def data(self, text: str) -> None:
        self._open[-1].text += text


def _refuse_doctype(*_: object) -> None:
    raise SerializationFailed("XML with a document type declaration is refused.")
