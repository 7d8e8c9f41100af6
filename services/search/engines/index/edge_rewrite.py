"""A shard written anew from its live points, so that no file holds anything of deleted ones.

The library keeps the bytes of a deleted point until it needs their space, and its own `optimize`
holds the GIL for seconds to minutes. Here the points are copied some at a time, each batch in a
turn of its own: searches and writes go on between, and what is written meanwhile follows the copy.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from kit.errors import NotFound, Unavailable
from services.search.engines.index.edge_folder import Change, ShardFolder
from services.search.engines.index.edge_shard import EdgeShard, Row, check_space, sync_folder


def rewrite(folder: ShardFolder, name: str, stop: Event) -> None:
    """Once for a collection at a time. Does nothing if no point was deleted since the last one.

    StorageFull if the disk has no room for a second copy; Unavailable once `stop` is set.
    """
    with folder.turn(name) as (slot, shard):
        if not shard.is_stale:
            return
        check_space(shard.path, shard.size())
        dimension, fields = shard.dimension, shard.used_indexes()
        missed: list[Change] = []
        slot.missed = missed
    scratch = folder.scratch()
    gone = folder.scratch()
    try:
        EdgeShard.create(scratch, dimension, fields)
        with _opened(scratch) as copy:
            _copy(folder, name, missed, copy, stop)
        _swap(folder, name, missed, scratch, gone)
    finally:
        with slot.lock:
            if slot.missed is missed:
                slot.missed = None
        for leftover in (scratch, gone):
            if leftover.exists():
                shutil.rmtree(leftover)


def _copy(
    folder: ShardFolder, name: str, missed: list[Change], copy: EdgeShard, stop: Event
) -> None:
    after: str | None = None
    while True:
        if stop.is_set():
            raise Unavailable("The index is being closed; ask again later.", retry_after=1.0)
        rows, late, after = _next(folder, name, missed, after)
        copy.load(rows)
        for change in late:
            change(copy)
        if after is None:
            return


def _next(
    folder: ShardFolder, name: str, missed: list[Change], after: str | None
) -> tuple[Sequence[Row], list[Change], str | None]:
    """Some points as they are now, and the changes that led there, which are safe to repeat."""
    with folder.turn(name) as (slot, shard):
        _check_same(name, slot.missed, missed)
        rows, following = shard.page(after)
        late = missed.copy()
        missed.clear()
    return rows, late, following


def _swap(folder: ShardFolder, name: str, missed: list[Change], made: Path, gone: Path) -> None:
    """The only turn that others wait for; the one after it has to open the shard."""
    with folder.turn(name) as (slot, _):
        _check_same(name, slot.missed, missed)
        if missed:
            with _opened(made) as copy:
                for change in missed:
                    change(copy)
        folder.replace(name, slot, made, gone)
        slot.missed = None


@contextmanager
def _opened(path: Path) -> Iterator[EdgeShard]:
    """A shard that is closed and durable afterwards."""
    shard = EdgeShard(path)
    try:
        yield shard
    finally:
        shard.close()
    _sync_tree(path)


def _check_same(name: str, noted: list[Change] | None, mine: list[Change]) -> None:
    if noted is not mine:
        raise NotFound(f"The collection {name} was dropped meanwhile.")


def _sync_tree(folder: Path) -> None:
    for each in [*folder.rglob("*/"), folder]:
        sync_folder(each, files=True)
