"""How texts of many callers become batches."""

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from services.search.engines.embeddings.batcher import Batcher
from services.search.ports import Vectors


class Model:
    """Notes each batch, gives each text its first id; holds the first batch until `go`."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.entered = threading.Event()
        self.go = threading.Event()
        self.during: Callable[[], object] | None = None

    def __call__(self, ids: NDArray[np.int64]) -> Vectors:
        self.batches.append([int(first) for first in ids[:, 0]])
        self.entered.set()
        assert self.go.wait(10)
        if self.during and len(self.batches) < 200:
            self.during()
        if (ids < 0).any():
            raise ValueError("negative id")
        return np.repeat(ids[:, :1], 2, axis=1).astype(np.float32)


def _ignore(tokens: int, seconds: float) -> None: ...


def batcher(model: Model, **others: Any) -> Batcher:
    return Batcher(
        model, **{"dimension": 2, "threads": 1, "batch_tokens": 8, "note": _ignore, **others}
    )


@pytest.fixture
def model() -> Model:
    return Model()


def test_texts_of_one_length_share_a_batch_whoever_sent_them(model: Model) -> None:
    made = batcher(model)
    made.submit([[0] * 8])
    model.entered.wait(10)
    first = made.submit([[1] * 2, [2] * 3])
    second = made.submit([[3] * 2])
    model.go.set()
    assert first.result(10).tolist() == [[1, 1], [2, 2]]
    assert second.result(10).tolist() == [[3, 3]]
    assert model.batches == [[0], [3, 1], [2]]
    made.close()


def test_a_batch_holds_no_more_than_its_tokens(model: Model) -> None:
    made = batcher(model)
    model.go.set()
    made.submit([[n] * 4 for n in range(5)]).result(10)
    assert [len(batch) for batch in model.batches] == [2, 2, 1]
    made.close()


def test_a_text_longer_than_a_batch_goes_alone(model: Model) -> None:
    made = batcher(model)
    model.go.set()
    assert made.submit([[7] * 20]).result(10).tolist() == [[7, 7]]
    made.close()


def test_a_short_call_passes_a_long_list_that_came_first(model: Model) -> None:
    made = batcher(model)
    long = made.submit([[n] * 5 for n in range(10)])
    model.entered.wait(10)
    query = made.submit([[99] * 3])
    model.go.set()
    query.result(10)
    long.result(10)
    assert model.batches.index([99]) <= 2
    made.close()


def test_short_calls_that_keep_coming_do_not_starve_a_list(model: Model) -> None:
    made = batcher(model)
    model.during = lambda: made.submit([[91] * 8])  # one waits whenever a batch is done
    long = made.submit([[n] * 5 for n in range(4)])
    model.go.set()
    long.result(10)
    assert model.batches.index([3]) < 100
    made.close()


def test_a_cancelled_calls_texts_are_not_run(model: Model) -> None:
    made = batcher(model)
    made.submit([[0] * 8])
    model.entered.wait(10)
    gone = made.submit([[1] * 4])
    stays = made.submit([[2] * 4])
    gone.cancel()
    model.go.set()
    assert stays.result(10).tolist() == [[2, 2]]
    assert model.batches == [[0], [2]]
    made.close()


def test_a_failing_batch_fails_its_callers_only(model: Model) -> None:
    made = batcher(model)
    model.go.set()
    with pytest.raises(ValueError, match="negative"):
        made.submit([[-1] * 3]).result(10)
    assert made.submit([[4] * 3]).result(10).tolist() == [[4, 4]]
    made.close()


def test_closing_cancels_what_waits(model: Model) -> None:
    made = batcher(model)
    running = made.submit([[0] * 8])
    model.entered.wait(10)
    waiting = made.submit([[1] * 4])
    closing = threading.Thread(target=made.close)
    closing.start()
    with pytest.raises(CancelledError):
        waiting.result(10)
    model.go.set()
    closing.join(10)
    assert running.result(10).tolist() == [[0, 0]]
