"""The folder of an embedded index: its shards, taken turns at, few of them open, one owner."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Final, TypeAlias
from uuid import uuid4

from kit.errors import NotFound, Unavailable
from services.search.engines.index.edge_shard import EdgeShard, sync_folder

_SCRATCH: Final = "."  # names that begin so are shards half made or half deleted
_READY: Final = f"{_SCRATCH}ready-"  # then a collection's name: whole, to take its folder's place

Change: TypeAlias = Callable[[EdgeShard], None]


@dataclass(slots=True)
class Slot:
    """A collection's turn-taking, and its shard while that is open."""

    lock: Lock = field(default_factory=Lock)
    shard: EdgeShard | None = None
    used: int = 0
    missed: list[Change] | None = None
    """While the collection is written anew: what was changed since that last looked."""

    def close(self, *, discard: bool = False) -> None:
        if self.shard is not None:
            self.shard.close(discard=discard)
            self.shard = None


class ShardFolder:
    """Every call may block; any thread may make it. Unavailable if `folder` has another owner."""

    def __init__(self, folder: Path, open_shards: int) -> None:
        self._folder = folder
        self._open_shards = open_shards
        self._slots: dict[str, Slot] = {}
        self._clock = count()
        self._evicting = Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._owner = _own(folder)
        self._settle()
        for leftover in folder.glob(f"{_SCRATCH}*/"):
            shutil.rmtree(leftover)

    @property
    def open(self) -> set[str]:
        """The collections whose shards are open."""
        return {name for name, slot in self._slots.items() if slot.shard}

    @contextmanager
    def turn(self, name: str) -> Iterator[tuple[Slot, EdgeShard]]:
        """The collection's open shard, with nobody else at it. NotFound if there is none."""
        slot = self._slot(name)
        with slot.lock:
            slot.used = next(self._clock)
            opened = slot.shard is None
            if slot.shard is None:
                path = self._folder / name
                if not path.is_dir():
                    raise NotFound(f"The index has no collection {name}.")
                slot.shard = EdgeShard(path)
            yield slot, slot.shard
        if opened:
            self._evict()

    def change(self, name: str, change: Change) -> None:
        """Changes the shard, and the one that is being made to take its place."""
        with self.turn(name) as (slot, shard):
            change(shard)
            if slot.missed is not None:
                slot.missed.append(change)

    def scratch(self) -> Path:
        """A path to make or to delete a shard at; whatever is there at a start is swept."""
        return self._folder / f"{_SCRATCH}{uuid4().hex}"

    def create(self, name: str, dimension: int) -> None:
        path = self._folder / name
        with self._slot(name).lock:
            if path.is_dir():
                return
            scratch = self.scratch()
            EdgeShard.create(scratch, dimension)
            scratch.rename(path)
            sync_folder(self._folder)

    def drop(self, name: str) -> None:
        slot = self._slot(name)
        path = self._folder / name
        with slot.lock:
            slot.close()
            slot.missed = None
            if not path.is_dir():
                return
            scratch = self.scratch()
            path.rename(scratch)
            sync_folder(self._folder)
        shutil.rmtree(scratch)

    def replace(self, name: str, slot: Slot, made: Path, gone: Path) -> None:
        """Puts the shard at `made`, closed and durable, in the place of the one whose turn it is.

        The old one then lies at `gone`. Broken off anywhere, it leaves one of the two in place or,
        at the next start, the new one.
        """
        path, ready = self._folder / name, self._folder / f"{_READY}{name}"
        slot.close(discard=True)
        try:
            made.rename(ready)
            sync_folder(self._folder)
            path.rename(gone)
            ready.rename(path)
            sync_folder(self._folder)
        except OSError:
            self._settle()
            raise

    def close(self) -> None:
        """Closes every shard and gives the folder up."""
        for slot in list(self._slots.values()):
            with slot.lock:
                slot.close()
        os.close(self._owner)

    def _slot(self, name: str) -> Slot:
        return self._slots.setdefault(name, Slot())

    def _settle(self) -> None:
        """Ends the replacements that were broken off, so that one shard is left of two."""
        for ready in self._folder.glob(f"{_READY}*/"):
            path = self._folder / ready.name.removeprefix(_READY)
            if path.exists():
                shutil.rmtree(ready)
            else:
                ready.rename(path)
        sync_folder(self._folder)

    def _evict(self) -> None:
        """Closes the shards used longest ago, beyond the bound; a busy one is left for later."""
        with self._evicting:
            held = sorted((s for s in self._slots.values() if s.shard), key=lambda s: s.used)
            for slot in held[: max(0, len(held) - self._open_shards)]:
                if slot.lock.acquire(blocking=False):
                    try:
                        slot.close()
                    finally:
                        slot.lock.release()


def _own(folder: Path) -> int:
    """A lock that ends with the process, however it ends."""
    descriptor = os.open(folder / "owner.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Unavailable(
            f"Another process owns the index in {folder}. Stop it, or give this one its own folder."
        ) from None
    return descriptor
