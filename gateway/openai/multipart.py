"""Reads an upload's form as it comes: its one file as a stream, its fields in any order around."""

from collections.abc import AsyncIterator

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from kit.errors import InvalidRequest, PayloadTooLarge, UnsupportedMedia

_MOST_OF_FIELDS = 65_536
_MOST_OF_HEADERS = 8_192
_SLICE = 65_536


class UploadForm:
    """Iterate over `file` first; then `fields` and `filename` are complete."""

    def __init__(self, content_type: str, body: AsyncIterator[bytes], *, most: int) -> None:
        """`most` bounds the file's bytes. Raises UnsupportedMedia."""
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        if kind != b"multipart/form-data" or not 1 <= len(boundary) <= 256:
            raise UnsupportedMedia("Send the file as multipart/form-data.")
        self.fields: dict[str, str] = {}
        self.filename: str | None = None
        self._body, self._most = body, most
        self._name, self._is_file = "", False
        self._kept, self._data = bytearray(), list[bytes]()
        self._header, self._value = bytearray(), bytearray()
        self._of_fields = self._of_file = self._of_headers = 0
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": lambda data, start, end: self._head(
                    self._header, data[start:end]
                ),
                "on_header_value": lambda data, start, end: self._head(
                    self._value, data[start:end]
                ),
                "on_header_end": self._end_header,
                "on_part_data": lambda data, start, end: self._part_data(data[start:end]),
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
        )

    @property
    def size(self) -> int:
        """Of the file, so far."""
        return self._of_file

    async def file(self) -> AsyncIterator[bytes]:
        """The file's bytes. Raises InvalidRequest, PayloadTooLarge."""
        async for block in self._body:
            # A bounded slice at a time, so that one large block cannot hide an endless field.
            for start in range(0, len(block), _SLICE):
                self._feed(block[start : start + _SLICE])
                for data in self._data:
                    yield data
                self._data.clear()
        if not self._ended:
            raise InvalidRequest("The form ended too early.")
        if self.filename is None:
            raise InvalidRequest("'file' is a required property.", param="file")

    def _feed(self, block: bytes) -> None:
        try:
            self._parser.write(block)
        except FormParserError as error:
            raise InvalidRequest("The form is not well formed.") from error

    def _begin(self) -> None:
        self._name, self._is_file = "", False
        self._kept.clear()

    def _head(self, where: bytearray, data: bytes) -> None:
        where.extend(data)
        self._of_headers += len(data)
        if self._of_headers > _MOST_OF_HEADERS:
            raise InvalidRequest("The form's headers are too long.")

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            _, options = parse_options_header(bytes(self._value))
            self._name = _text(options.get(b"name", b""))
            if self._name == "file":
                if self.filename is not None:
                    raise InvalidRequest("A form has one file.", param="file")
                self._is_file = True
                self.filename = _text(options.get(b"filename", b"")) or "upload"
        self._header.clear()
        self._value.clear()

    def _part_data(self, data: bytes) -> None:
        if self._is_file:
            self._of_file += len(data)
            if self._of_file > self._most:
                raise PayloadTooLarge(f"A file may have {self._most} bytes.")
            self._data.append(data)
            return
        self._of_fields += len(data)
        if self._of_fields > _MOST_OF_FIELDS:
            raise InvalidRequest("The form's fields are too long.")
        self._kept.extend(data)

    def _end_part(self) -> None:
        if not self._is_file and self._name:
            self.fields[self._name] = _text(self._kept)

    def _end(self) -> None:
        self._ended = True


def _text(data: bytes | bytearray) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest("The form's fields must be UTF-8.") from error
