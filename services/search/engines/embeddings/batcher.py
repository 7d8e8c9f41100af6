"""Merges the texts of concurrent callers into batches of one length, run by a few threads."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import heappop, heappush
from threading import Lock
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.search.ports import Vectors

_PATIENCE: Final = 8  # a call that waits is passed by at most so many times its own work


@dataclass(slots=True, eq=False)
class _Call:
    vectors: Vectors
    missing: int
    future: Future[Vectors]


@dataclass(slots=True, order=True)
class _Text:
    """`turn` is when, by the work done in tokens, fairness has its call finished."""

    turn: int
    number: int
    ids: list[int] = field(compare=False)
    call: _Call = field(compare=False)
    row: int = field(compare=False)


class Batcher:
    """A batch holds texts of one length only, of any caller, and about `batch_tokens` tokens.

    Nothing is padded then, and a row of a batch is what it would be alone. Calls take turns by
    the time that each could be done at: equal ones finish in their order, not all at the end, a
    short query passes a long list that came before it, and no list starves. Threads are at work
    only while texts wait.
    """

    def __init__(
        self,
        run: Callable[[NDArray[np.int64]], Vectors],
        *,
        dimension: int,
        threads: int,
        batch_tokens: int,
        note: Callable[[int, float], None],
    ) -> None:
        """`run` takes ids of shape (batch, length), on several threads at a time.

        `note` is told each batch's tokens and seconds, on its thread.
        """
        self._run = run
        self._dimension = dimension
        self._threads = threads
        self._batch_tokens = batch_tokens
        self._note = note
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="embed")
        self._lock = Lock()
        self._waiting: dict[int, list[_Text]] = {}  # by length, each a heap
        self._turn = 0
        self._number = 0
        self._working = 0

    def submit(self, texts: Sequence[list[int]]) -> Future[Vectors]:
        """The vectors in the texts' order. Cancelling the future takes its texts off the queue."""
        future: Future[Vectors] = Future()
        call = _Call(np.empty((len(texts), self._dimension), np.float32), len(texts), future)
        if not texts:
            future.set_result(call.vectors)
            return future
        with self._lock:
            turn = self._turn + sum(map(len, texts))
            for row, ids in enumerate(texts):
                self._number += 1
                text = _Text(turn, self._number, ids, call, row)
                heappush(self._waiting.setdefault(len(ids), []), text)
            fresh = min(self._threads - self._working, len(texts))
            self._working += fresh
        for _ in range(fresh):
            self._pool.submit(self._work)
        return future

    def close(self) -> None:
        """Cancels what waits, and ends the threads after the batches that they are at."""
        with self._lock:
            waiting = [text for queue in self._waiting.values() for text in queue]
            self._waiting.clear()
        for text in waiting:
            text.call.future.cancel()
        self._pool.shutdown(wait=True)

    def _work(self) -> None:
        while batch := self._take():
            live = [text for text in batch if not text.call.future.cancelled()]
            if live:
                self._embed(live)

    def _take(self) -> list[_Text]:
        with self._lock:
            if not self._waiting:
                self._working -= 1
                return []
            length = min(self._waiting, key=lambda length: self._waiting[length][0])
            queue = self._waiting[length]
            room = max(1, self._batch_tokens // length)
            batch = [heappop(queue) for _ in range(min(room, len(queue)))]
            self._turn += max(1, len(batch) * length // _PATIENCE)  # later calls' turns move on
            if not queue:
                del self._waiting[length]
            return batch

    def _embed(self, batch: Sequence[_Text]) -> None:
        began = time.monotonic()
        try:
            vectors = self._run(np.array([text.ids for text in batch], np.int64))
        except Exception as error:  # noqa: BLE001 - handed to every caller of this batch
            for text in batch:
                _settle(text.call.future, error)
            return
        self._note(sum(len(text.ids) for text in batch), time.monotonic() - began)
        with self._lock:
            for text, vector in zip(batch, vectors, strict=True):
                text.call.vectors[text.row] = vector
                text.call.missing -= 1
            done = {id(text.call): text.call for text in batch if not text.call.missing}
        for call in done.values():
            _settle(call.future, call.vectors)


def _settle(future: Future[Vectors], outcome: Vectors | Exception) -> None:
    with suppress(InvalidStateError):  # cancelled, or failed in another batch
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
