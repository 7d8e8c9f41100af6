"""Reads tar and zip archives by rules of our own: nothing is extracted by a library.

Only regular files and folders may be in them, in number, size and ratio bounded; what is written
is named by us, never by the archive.
"""

import gzip
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Final

from services.generation.engines.adapters.members import check_name, refuse_pickle
from services.generation.service.adapters.limits import (
    MOST_MEMBERS,
    MOST_UNPACKED,
    RATIO,
    RATIO_FROM,
)

_PIECE: Final = 1 << 20
_GZIP, _ZIP = b"\x1f\x8b", b"PK"
_TAR_MARK, _TAR_MARK_AT = b"ustar", 257
_REGULAR = (tarfile.REGTYPE, tarfile.AREGTYPE)
_END_RECORD: Final = b"PK\x05\x06"
_ENCRYPTED: Final = 0x1
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

_BROKEN = (
    tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError,
    NotImplementedError, UnicodeError, OverflowError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Member:
    """`read` copies its bytes, at most `size` of them, piece by piece."""

    path: PurePosixPath
    size: int
    read: Callable[[], Iterator[bytes]]


def walk(archive: Path, see: Callable[[Member], None]) -> None:
    """Shows each regular file in turn, all names checked before. Raises ValueError, in words."""
    with archive.open("rb") as file:
        head = file.read(512)
        file.seek(0)
        try:
            if head.startswith(_GZIP):
                _walk_tar(file, see, packed=archive.stat().st_size)
            elif head.startswith(_ZIP):
                _walk_zip(file, see)
            elif head[_TAR_MARK_AT : _TAR_MARK_AT + 5] == _TAR_MARK:
                _walk_tar(file, see, packed=None)
            else:
                raise ValueError("it is no .tar.gz, .tar or .zip archive")
        except _BROKEN as error:
            raise ValueError(f"the archive is broken ({type(error).__name__})") from error


class _Budget:
    """Members and bytes that may still come."""

    def __init__(self) -> None:
        self._members, self._bytes = MOST_MEMBERS, MOST_UNPACKED
        self._seen: set[PurePosixPath] = set()

    def take(self, path: PurePosixPath, size: int) -> None:
        self._members -= 1
        self._bytes -= size
        if self._members < 0:
            raise ValueError(f"it has more than {MOST_MEMBERS} members")
        if size < 0 or self._bytes < 0:
            raise ValueError(f"it unpacks to more than {MOST_UNPACKED} bytes")
        if path in self._seen:
            raise ValueError(f"two members are called {path}")
        self._seen.add(path)


def _walk_tar(file: IO[bytes], see: Callable[[Member], None], *, packed: int | None) -> None:
    """As a stream, so that nothing but the member at hand is ever unpacked."""
    plain = file if packed is None else _Unpacked(file, packed)
    budget = _Budget()
    with _tar(plain) as tar:
        for info in tar:
            path = check_name(info.name)
            budget.take(path, info.size)
            if info.isdir():
                continue
            if info.type not in _REGULAR or info.issparse():
                raise ValueError(f"{path} is a {_kind(info)}; only regular files are taken")
            refuse_pickle(path)
            see(
                Member(path, info.size, partial(_pieces, partial(tar.extractfile, info), info.size))
            )


@contextmanager
def _tar(plain: "IO[bytes] | _Unpacked") -> Iterator[tarfile.TarFile]:
    with tarfile.open(fileobj=plain, mode="r|", errorlevel=2, bufsize=_PIECE) as tar:  # type: ignore[call-overload]
        yield tar


def _kind(info: tarfile.TarInfo) -> str:
    if info.issym() or info.islnk():
        return "link"
    if info.isdev():
        return "device or a pipe"
    return "special file"


class _Unpacked:
    """A gzip stream that is left as soon as it gives RATIO times what it has read."""

    def __init__(self, file: IO[bytes], packed: int) -> None:
        self._plain = gzip.GzipFile(fileobj=file)
        self._most = max(RATIO_FROM, packed * RATIO)
        self._given = 0

    def read(self, size: int) -> bytes:
        piece = self._plain.read(size)
        self._given += len(piece)
        if self._given > self._most:
            raise ValueError(f"it unpacks to more than {RATIO} times its size, as a bomb does")
        return piece


def _walk_zip(file: IO[bytes], see: Callable[[Member], None]) -> None:
    _check_count(file)
    budget = _Budget()
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        for entry in entries:
            budget.take(_check_entry(entry), entry.file_size)
        _check_overlap(entries)
        for entry in entries:
            if entry.is_dir():
                continue
            path = check_name(entry.orig_filename)
            refuse_pickle(path)
            read = partial(_pieces, partial(archive.open, entry), entry.file_size)
            see(Member(path, entry.file_size, read))


def _check_count(file: IO[bytes]) -> None:
    """Reads the count in the end record first: listing a million entries costs memory itself."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 66_000))
    tail = file.read()
    at = tail.rfind(_END_RECORD)
    claimed = int.from_bytes(tail[at + 10 : at + 12], "little") if at >= 0 else 0
    if claimed > MOST_MEMBERS:
        raise ValueError(f"it has more than {MOST_MEMBERS} members")
    file.seek(0)


def _check_entry(entry: zipfile.ZipInfo) -> PurePosixPath:
    path = check_name(entry.orig_filename)
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ValueError(f"{path} is a link or a special file; only regular files are taken")
    if entry.flag_bits & _ENCRYPTED:
        raise ValueError(f"{path} is encrypted")
    if entry.compress_type not in _METHODS:
        raise ValueError(f"{path} is compressed in a way that is not read here")
    if entry.file_size > max(RATIO_FROM, entry.compress_size * RATIO):
        raise ValueError(f"{path} unpacks to more than {RATIO} times its size, as a bomb does")
    return path


def _check_overlap(entries: list[zipfile.ZipInfo]) -> None:
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            raise ValueError("its members overlap, as a bomb's do")
        end = entry.header_offset + 30 + entry.compress_size


def _pieces(open_it: Callable[[], IO[bytes] | None], size: int) -> Iterator[bytes]:
    """Exactly `size` bytes. Raises ValueError where the archive holds more or fewer."""
    source = open_it()
    if source is None:
        raise ValueError("a member has no bytes")
    left = size
    with source:
        while piece := source.read(min(_PIECE, left + 1)):
            left -= len(piece)
            if left < 0:
                raise ValueError("a member holds more than the archive says")
            yield piece
    if left:
        raise ValueError("a member is cut off")
