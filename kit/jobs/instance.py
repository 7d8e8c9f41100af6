"""Makes sure that one process at a time runs the jobs of an embedded database."""

import fcntl
import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kit.errors import Conflict

BOOT = uuid.uuid4().hex[:12]
"""Tells this process from an earlier one with the same id."""


def owner_name() -> str:
    """Who holds a lease: `host:pid:boot`."""
    return f"{socket.gethostname()}:{os.getpid()}:{BOOT}"


@contextmanager
def only_instance(path: Path) -> Iterator[None]:
    """Holds the lock file `path`; raises Conflict when another process does.

    The kernel lets it go when its holder dies, however it dies.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(
                f"Another process runs on {path.parent}; stop it, or use another data folder."
            ) from error
        yield
