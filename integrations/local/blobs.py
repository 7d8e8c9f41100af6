"""Blobs as files under one folder, fanned out over two levels of sub-folders."""

import asyncio
import errno
import fcntl
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from threading import Lock
from typing import ParamSpec, TypeVar
from uuid import UUID, uuid4

from kit.disk import check_room
from kit.errors import StorageFull
from kit.objects.checksums import Digests
from kit.objects.errors import BlobMissing
from kit.objects.ports import BLOB, PIECE, ByteStream

P = ParamSpec("P")
T = TypeVar("T")
_SYNC_EVERY = 64 << 20
"""Bytes between syncs on the way, so that the last one before an answer is short."""


_HEX = "0123456789abcdef"


class LocalBlobs:
    """Blobs on a disk that is not shared between hosts: locks tell which writers still live."""

    def __init__(self, folder: Path, *, threads: int = 8) -> None:
        """Makes the folder, and removes what writers that died have left."""
        self._folder = folder
        self._incoming = folder / "incoming"
        _make_fan(folder, self._incoming)
        self._threads = ThreadPoolExecutor(threads, "blobs")
        _remove_abandoned(self._incoming)

    async def writer(self, digests: Digests) -> "_FileWriter":
        return await self.run(_FileWriter, self, digests)

    async def open(self, blob: str, start: int, length: int) -> ByteStream:
        return await self.run(_FileReader, self, self._path(blob), start, length)

    async def delete(self, blob: str) -> None:
        await self.run(self._path(blob).unlink, missing_ok=True)

    async def free_bytes(self) -> int:
        return (await self.run(shutil.disk_usage, self._folder)).free

    async def check(self) -> None:
        await self.run(check_room, self._folder)

    async def older_than(self, seconds: float) -> AsyncIterator[str]:
        before = time.time() - seconds
        for folder in await self.run(_subfolders, self._folder):
            for blob in await self.run(_files_before, folder, before):
                yield blob

    def close(self) -> None:
        """Waits for the file operations under way."""
        self._threads.shutdown()

    def place(self, temporary: Path) -> str:
        """Moves a finished file to where it is read; durable when this returns."""
        blob = str(uuid4())
        path = self._path(blob)
        temporary.rename(path)
        _sync_folder(path.parent)
        return blob

    def new_temporary(self) -> Path:
        return self._incoming / str(uuid4())

    def _path(self, blob: str) -> Path:
        name = str(UUID(blob))  # whatever a row says, nothing but a UUID becomes a path
        return self._folder / name[0] / name[1] / name

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        call = lambda: work(*args, **kwargs)  # noqa: E731 - ParamSpec through a thread
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)


class _FileWriter:
    """Writes a locked temporary file; the lock dies with the process."""

    def __init__(self, blobs: LocalBlobs, digests: Digests) -> None:
        self._blobs, self._digests, self._unsynced = blobs, digests, 0
        self._path = blobs.new_temporary()
        self._lock = Lock()  # a cancelled write may still be under way when `discard` comes
        with _full_disk_translated():
            self._file = _open_locked(self._path)

    async def write(self, pieces: Sequence[bytes]) -> None:
        await self._blobs.run(self._write, pieces)

    async def commit(self) -> str:
        return await self._blobs.run(self._commit)

    async def discard(self) -> None:
        await self._blobs.run(self._discard)

    def _write(self, pieces: Sequence[bytes]) -> None:
        for piece in pieces:
            self._digests.update(piece)
        data = b"".join(pieces)
        with self._lock, _full_disk_translated():
            written = 0
            while written < len(data):
                written += os.write(self._file.fileno(), memoryview(data)[written:])
            self._unsynced += written
            if self._unsynced >= _SYNC_EVERY:
                os.fdatasync(self._file.fileno())
                self._unsynced = 0

    def _commit(self) -> str:
        with self._lock, _full_disk_translated():
            os.fsync(self._file.fileno())
            blob = self._blobs.place(self._path)
            self._file.close()
        return blob

    def _discard(self) -> None:
        with self._lock:
            if not self._file.closed:
                self._path.unlink(missing_ok=True)
                self._file.close()


class _FileReader:
    """Reads a span of an open file; a blob that is deleted meanwhile is read to its end."""

    def __init__(self, blobs: LocalBlobs, path: Path, start: int, length: int) -> None:
        self._blobs, self._at, self._left = blobs, start, length
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            self._descriptor = -1
            raise BlobMissing(path.name) from error

    def __aiter__(self) -> "_FileReader":
        return self

    async def __anext__(self) -> bytes:
        if self._left <= 0 or self._descriptor < 0:
            await self.aclose()
            raise StopAsyncIteration
        piece = await self._blobs.run(self._read)
        if not piece:
            raise OSError(errno.EIO, "The blob is shorter than its row says.")
        return piece

    async def aclose(self) -> None:
        self._close()

    def __del__(self) -> None:
        self._close()  # a client may leave before the first byte is asked for

    def _read(self) -> bytes:
        piece = os.pread(self._descriptor, min(PIECE, self._left), self._at)
        self._at += len(piece)
        self._left -= len(piece)
        return piece

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def _make_fan(folder: Path, incoming: Path) -> None:
    """Makes every sub-folder at once, so that a commit has only its own folder to sync."""
    incoming.mkdir(parents=True, exist_ok=True)
    for first in _HEX:
        for second in _HEX:
            (folder / first / second).mkdir(parents=True, exist_ok=True)
        _sync_folder(folder / first)
    _sync_folder(folder)


def _open_locked(path: Path) -> FileIO:
    while True:
        file = FileIO(path, "xb")
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()  # a process that starts took it for abandoned before the lock stood


def _remove_abandoned(folder: Path) -> None:
    for path in folder.iterdir():
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # its writer lives, in another process
            path.unlink(missing_ok=True)


def _subfolders(folder: Path) -> list[Path]:
    return [path for path in folder.glob("?/?") if path.is_dir()]


def _files_before(folder: Path, before: float) -> list[str]:
    with os.scandir(folder) as entries:
        return [
            entry.name
            for entry in entries
            if entry.stat().st_mtime < before and BLOB.fullmatch(entry.name)
        ]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _full_disk_translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull("The disk is full; delete some objects, then try again.") from error
        raise
