"""Tells a document's format from its extension, and refuses bytes that contradict it."""

from typing import Final

from kit.errors import InvalidRequest
from services.search.engines.parsing.extracted import NoText

_FORMATS: Final = {
    "txt": "text", "text": "text", "md": "markdown", "markdown": "markdown",
    "html": "html", "htm": "html", "json": "json", "csv": "csv",
    "pdf": "pdf", "docx": "docx", "xlsx": "xlsx",
}  # fmt: skip
_REFUSED: Final = {
    "doc": "Legacy Word files (.doc) are not supported; save the document as .docx.",
    "xls": "Legacy Excel files (.xls) are not supported; save the workbook as .xlsx.",
    "ppt": "PowerPoint files are not supported; save the slides as .pdf.",
    "pptx": "PowerPoint files are not supported; save the slides as .pdf.",
    "rtf": "RTF files are not supported; save the document as .docx.",
}
_IMAGES: Final = frozenset("png jpg jpeg gif webp bmp tif tiff svg heic".split(" "))  # noqa: SIM905
_MAGIC: Final[tuple[tuple[bytes, str], ...]] = (
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "a zip archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an OLE file (legacy or encrypted Office)"),
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x1f\x8b", "gzip data"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"{\\rtf", "an RTF file"),
)
_PDF_HEADER_WITHIN = 1024  # readers accept leading junk up to here


def detect(name: str, body: bytes) -> str:
    """The format that `name`'s extension means, once the first bytes agree with it."""
    extension = _extension(name)
    kind = _FORMATS.get(extension)
    if kind is None:
        raise InvalidRequest(_refusal(extension))
    if not body:
        raise NoText("The file is empty.")
    found = next((what for magic, what in _MAGIC if body.startswith(magic)), None)
    if kind == "pdf":
        if b"%PDF-" not in body[:_PDF_HEADER_WITHIN]:
            raise InvalidRequest(f"Not a valid PDF: the file is {found or 'something else'}.")
    elif kind in ("docx", "xlsx"):
        _check_office(kind, body, found)
    elif found:
        raise InvalidRequest(f"Not a valid .{extension} file: its content is {found}.")
    return kind


def _extension(name: str) -> str:
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    stem, dot, extension = base.rpartition(".")
    return extension.lower() if dot and stem else ""


def _refusal(extension: str) -> str:
    known = ", ".join(f".{known}" for known in _FORMATS)
    if not extension:
        return f"The file's name has no extension; its type is told by one of {known}."
    if extension in _IMAGES:
        return f"Images (.{extension[:20]}) are not supported: there is no text to index."
    return _REFUSED.get(extension, f"Unknown type .{extension[:20]}; supported are {known}.")


def _check_office(kind: str, body: bytes, found: str | None) -> None:
    if found == "a zip archive":
        return
    if found and found.startswith("an OLE"):
        # An encrypted docx or xlsx is an OLE container with this stream (UTF-16 in its directory).
        if "EncryptedPackage".encode("utf-16-le") in body:
            raise InvalidRequest(f"Encrypted {kind}: remove the password and upload it again.")
        raise InvalidRequest(f"Not a valid {kind} file: it is a legacy Office file.")
    raise InvalidRequest(f"Not a valid {kind} file: its content is {found or 'no zip archive'}.")
