"""What may be wrong with the disk that a process keeps its data on, in words for its owner."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kit.errors import InvalidRequest, StorageFull, Unavailable

RESERVE = 256 << 20
"""Bytes that stay free: a memory map that grows on a full disk kills its process."""


def check_room(folder: Path) -> None:
    """Raises Unavailable while the folder's disk has less than RESERVE bytes free."""
    free = shutil.disk_usage(folder).free
    if free < RESERVE:
        raise Unavailable(
            f"The disk is nearly full: {free >> 20} MiB are free, {RESERVE >> 20} MiB are needed.",
            retry_after=30,
        )


@contextmanager
def usable(folder: Path) -> Iterator[None]:
    """Work in a folder: StorageFull or InvalidRequest say what about the folder hinders it."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(f"The disk of {folder} is full; free some space.") from error
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise InvalidRequest(
                f"The folder {folder} is read-only; let this user write to it."
            ) from error
        raise
