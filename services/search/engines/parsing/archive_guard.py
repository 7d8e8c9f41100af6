"""Looks a zip container over before a library opens it: bombs, path tricks, encryption."""

import io
import stat
import zipfile

from kit.errors import InvalidRequest
from services.search.engines.parsing.limits import MIB, ParsingLimits
from services.search.engines.parsing.xml_guard import refuse_document_types

_ENCRYPTED_FLAG = 0x1
_LOCAL_HEADER = 30
_RATIO_FROM = MIB  # small parts may compress well without harm
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_CONTENT_TYPES = "[Content_Types].xml"
_END_RECORD = b"PK\x05\x06"


def check_archive(body: bytes, kind: str, limits: ParsingLimits) -> None:
    """Raises InvalidRequest when anything about the archive is hostile; `kind` words the reason."""
    _check_count(body, kind, limits)
    try:
        archive = zipfile.ZipFile(io.BytesIO(body))
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError, ValueError) as error:
        raise InvalidRequest(f"Not a valid {kind} file: its zip archive is broken.") from error
    entries = archive.infolist()
    if len(entries) > limits.archive_entries:
        raise InvalidRequest(_too_many(kind, len(entries), limits))
    for entry in entries:
        _check_entry(entry, kind, limits)
    _check_total(entries, kind, limits)
    if _CONTENT_TYPES not in archive.NameToInfo:
        raise InvalidRequest(f"Not a valid {kind} file: {_CONTENT_TYPES} is missing from it.")
    refuse_document_types(archive, kind)


def _check_count(body: bytes, kind: str, limits: ParsingLimits) -> None:
    """Reads the count in the end record first: listing a million entries costs memory itself."""
    at = body.rfind(_END_RECORD)
    claimed = int.from_bytes(body[at + 10 : at + 12], "little") if at >= 0 else 0
    if claimed > limits.archive_entries:
        raise InvalidRequest(_too_many(kind, claimed, limits))


def _too_many(kind: str, count: int, limits: ParsingLimits) -> str:
    return f"The {kind} file holds {count:,} entries; at most {limits.archive_entries:,} are read."


def _check_entry(entry: zipfile.ZipInfo, kind: str, limits: ParsingLimits) -> None:
    if entry.flag_bits & _ENCRYPTED_FLAG:
        raise InvalidRequest(f"Encrypted {kind}: remove the password and upload it again.")
    name = entry.orig_filename
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or "\0" in name or ":" in parts[0]:
        raise InvalidRequest(f"Not a valid {kind} file: an entry's path leaves the archive.")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise InvalidRequest(f"Not a valid {kind} file: it holds a symbolic link.")
    if entry.compress_type not in _METHODS:
        raise InvalidRequest(f"Not a valid {kind} file: unknown compression in its archive.")
    if entry.file_size > max(_RATIO_FROM, entry.compress_size * limits.archive_ratio):
        raise InvalidRequest(
            f"The {kind} file expands more than {limits.archive_ratio} times, as a zip bomb does."
        )


def _check_total(entries: list[zipfile.ZipInfo], kind: str, limits: ParsingLimits) -> None:
    if sum(entry.file_size for entry in entries) > limits.archive_bytes:
        size = limits.archive_bytes // MIB
        raise InvalidRequest(f"The {kind} file expands to more than {size} MiB.")
    if len({entry.filename for entry in entries}) < len(entries):
        raise InvalidRequest(f"Not a valid {kind} file: two entries have the same name.")
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            raise InvalidRequest(f"Not a valid {kind} file: its entries overlap (a zip bomb).")
        end = entry.header_offset + _LOCAL_HEADER + entry.compress_size
