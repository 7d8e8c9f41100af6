"""Reads a browser's upload form: small fields in memory, then the file as a stream."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from gateway.aws.request import AwsRequest
from gateway.aws.signature.errors import Malformed

MOST_BEFORE_FILE = 20_480  # AWS's bound on a form without its file
_MOST_AFTER_FILE = 65_536


@dataclass(frozen=True, slots=True)
class Form:
    """`fields` by lower-case name. What follows the file in the form is not read, as in AWS."""

    fields: dict[str, str]
    file_name: str
    file: AsyncIterator[bytes]


async def read_form(request: AwsRequest) -> Form:
    """Reads up to the file. Raises Malformed for anything but a form with one file."""
    kind, options = parse_options_header(request.header("content-type"))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 1 <= len(boundary) <= 256:
        raise Malformed("PreconditionFailed", "A POST upload must be multipart/form-data.")
    parts = _Parts(boundary)
    async for block in request.body:
        # A bounded slice at a time, so that one large block cannot hide an endless head.
        for start in range(0, len(block), MOST_BEFORE_FILE):
            parts.feed(block[start : start + MOST_BEFORE_FILE])
        if parts.file_name is not None:
            return Form(parts.fields, parts.file_name, _file(request.body, parts))
    raise Malformed("InvalidArgument", "POST requires exactly one file upload per request.")


async def _file(body: AsyncIterator[bytes], parts: "_Parts") -> AsyncIterator[bytes]:
    for data in parts.take():
        yield data
    async for block in body:
        parts.feed(block)
        for data in parts.take():
            yield data
    if not parts.file_ended:
        raise Malformed("IncompleteBody", "The form ended within its file.")


class _Parts:
    """Gathers python-multipart's callbacks; `take` hands out the bytes of the file so far."""

    def __init__(self, boundary: bytes) -> None:
        self.fields: dict[str, str] = {}
        self.file_name: str | None = None
        self.file_ended = False
        self._name = ""
        self._kept = bytearray()
        self._header, self._value = bytearray(), bytearray()
        self._before = self._after = 0
        self._data: list[bytes] = []
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                "on_header_end": self._end_header,
                "on_part_data": self._part_data,
                "on_part_end": self._end_part,
            },
        )

    def feed(self, block: bytes) -> None:
        if self.file_name is None:
            self._before += len(block)
            within = self._before <= 2 * MOST_BEFORE_FILE
        else:
            self._after += len(block) if self.file_ended else 0
            within = self._after <= _MOST_AFTER_FILE
        if not within:
            raise Malformed("MaxPostPreDataLengthExceeded", "The form's fields are too large.")
        try:
            self._parser.write(block)
        except FormParserError as error:
            raise Malformed("MalformedPOSTRequest", "The form is not well formed.") from error

    def take(self) -> list[bytes]:
        data, self._data = self._data, []
        return data

    def _begin(self) -> None:
        self._name = ""
        self._kept.clear()

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            if self._name:
                raise Malformed("MalformedPOSTRequest", "A part of the form has two names.")
            _, options = parse_options_header(bytes(self._value))
            self._name = _text(options.get(b"name", b"")).lower()
            if self._name == "file" and not self.file_ended:
                self.file_name = _text(options.get(b"filename", b""))
        self._header.clear()
        self._value.clear()

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self.file_ended:
            return
        if self._name == "file":
            self._data.append(data[start:end])
        else:
            self._kept.extend(data[start:end])

    def _end_part(self) -> None:
        if self.file_ended:
            return
        if self._name == "file":
            self.file_ended = True
            return
        if not self._name or self._name in self.fields:
            raise Malformed("InvalidArgument", "Each field of the form needs a name of its own.")
        self.fields[self._name] = _text(self._kept)


def _text(data: bytes | bytearray) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Malformed("InvalidArgument", "The form's fields must be UTF-8.") from error
