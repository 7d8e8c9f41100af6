"""Where adapters lie: a folder per digest, which never changes once it is there."""

import asyncio
import os
import shutil
import time
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from kit.disk import usable
from kit.identifiers import row_id
from services.generation.ports import AdapterRef

_STALE = 24 * 3600.0


class Folders:
    """`ROOT/DIGEST` is admitted, `checking/DIGEST` is not yet, `incoming` is still on its way.

    What is called inside of a transaction only renames.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._incoming, self._checking = self._root / "incoming", self._root / "checking"
        self._trash = self._root / "trash"
        self._in_use: Counter[str] = Counter()

    def make(self) -> None:
        with usable(self._root):
            for folder in (self._root, self._incoming, self._checking, self._trash):
                folder.mkdir(parents=True, exist_ok=True)

    @property
    def scratch(self) -> Path:
        """Where small files may be written that nobody misses after a day."""
        return self._incoming

    @asynccontextmanager
    async def incoming(self) -> AsyncIterator[Path]:
        """A folder of one's own; what is left in it at the end goes."""
        folder = self._incoming / row_id()
        with usable(self._root):
            folder.mkdir()
            try:
                yield folder
            finally:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    def path(self, digest: str) -> Path:
        """Of an admitted adapter, or of one that is being checked."""
        final = self._root / digest
        return final if final.exists() else self._checking / digest

    def ref(self, digest: str, rank: int) -> AdapterRef:
        return AdapterRef(digest, self._root / digest, rank)

    def keep(self, folder: Path) -> None:
        """Makes the files durable, and unchangeable by accident; before they are placed."""
        for file in folder.iterdir():
            file.chmod(0o444)
            _sync(file)
        _sync(folder)

    def place(self, folder: Path, digest: str) -> None:
        """Does nothing where the adapter is there already: its files are the same."""
        if not self.path(digest).exists():
            folder.rename(self._checking / digest)
            _sync(self._checking)

    def promote(self, digest: str) -> None:
        final = self._root / digest
        if not final.exists():
            (self._checking / digest).rename(final)
            _sync(self._root)

    def remove(self, digest: str) -> None:
        for place in (self._root, self._checking):
            if (place / digest).exists():
                (place / digest).rename(self._trash / row_id())
                _sync(place)

    @contextmanager
    def using(self, digest: str) -> Iterator[None]:
        """Nothing of this process removes the folder meanwhile."""
        self._in_use[digest] += 1
        try:
            yield
        finally:
            self._in_use[digest] -= 1
            if not self._in_use[digest]:
                del self._in_use[digest]

    def in_use(self, digest: str) -> bool:
        return digest in self._in_use

    def clean(self, known: Collection[str]) -> None:
        """Deletes what was thrown away, and what a crash has left without a row."""
        for folder in self._trash.iterdir():
            shutil.rmtree(folder, ignore_errors=True)
        before = time.time() - _STALE
        for place in (self._root, self._checking, self._incoming):
            for folder in place.iterdir():
                if folder in (self._incoming, self._checking, self._trash):
                    continue
                with suppress(FileNotFoundError):  # whoever made it has removed it meanwhile
                    if folder.name not in known and folder.stat().st_mtime < before:
                        shutil.rmtree(folder, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
