"""The child process that lists an archive that a tenant deploys, and reads a text of it."""

import lzma
import posixpath
import sys
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, Any

PROPERTIES = "serving.properties"
MOST_TEXT = 2**20
_CONFIG = "adapter_config.json"
_MOST_MEMBERS = 10_000
_MOST_UNPACKED = 256 * 2**30
"""Bytes: base models are large; what it unpacks to is read past, never kept."""
_BROKEN = (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, OverflowError)


def answer(_: dict[str, Any]) -> dict[str, Any]:
    """Of the archive that follows, `{properties, adapters}`. Raises ValueError, in words."""
    try:
        return _look(sys.stdin.buffer)
    except _BROKEN as error:
        raise ValueError(str(error) or type(error).__name__) from error


def adapters_of(names: list[str]) -> Iterator[str]:
    """Of the members `adapters/NAME/adapter_config.json`, wherever `adapters` lies."""
    for name in sorted(set(names)):
        path = PurePosixPath(name)
        if path.name == _CONFIG and len(path.parts) >= 3 and path.parts[-3] == "adapters":
            yield path.parts[-2]


def _look(file: IO[bytes]) -> dict[str, Any]:
    names: list[str] = []
    properties, left = b"", _MOST_UNPACKED
    with tarfile.open(fileobj=file, mode="r|*") as archive:
        for member in archive:
            name = posixpath.normpath(member.name)
            names.append(name)
            if len(names) > _MOST_MEMBERS:
                raise ValueError(f"it has more than {_MOST_MEMBERS} members")
            left -= member.size
            if left < 0:
                raise ValueError(f"it unpacks to more than {_MOST_UNPACKED} bytes")
            if member.isfile() and PurePosixPath(name).name == PROPERTIES and not properties:
                found = archive.extractfile(member)
                properties = found.read(MOST_TEXT) if found is not None else b""
    text = properties.decode(errors="replace")
    return {"properties": text, "adapters": list(adapters_of(names))}
