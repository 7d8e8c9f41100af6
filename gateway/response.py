"""An answer in bytes, ready for any HTTP server."""

from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

Headers = list[tuple[bytes, bytes]]
_BODILESS = frozenset({204, 304})


@dataclass(slots=True)
class Response:
    """`body` is an iterator where the operation streams out."""

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes | AsyncIterator[bytes] = b""

    @property
    def has_no_body(self) -> bool:
        return self.status in _BODILESS

    def set_default(self, name: bytes, value: str) -> None:
        """Adds a header unless the operation has set it itself; the name is in lower case."""
        if all(known != name for known, _ in self.headers):
            self.headers.append((name, header_value(value)))


def header_value(text: str) -> bytes:
    """Never ends the line that it is on; what Latin-1 lacks goes out as an RFC 2047 word."""
    if not text.isprintable():
        text = "".join(" " if ord(mark) < 32 or ord(mark) == 127 else mark for mark in text)
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return b"=?UTF-8?B?" + b64encode(text.encode()) + b"?="
