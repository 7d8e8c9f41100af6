"""More is asked of an engine than it can do: who is answered, when, and what the others hear."""

import asyncio
import time
from contextlib import AbstractContextManager

import numpy as np
import pytest
from numpy.typing import NDArray

from kit.errors import RateLimited
from services.search.engines.embeddings.admission import Admission, Pace, Place
from services.search.engines.embeddings.batcher import Batcher
from services.search.ports import Vectors

SPEED = 20_000  # tokens per second
CALL = [[1] * 100] * 10  # 50 ms of work
SECONDS = 3.0


def slow(ids: NDArray[np.int64]) -> Vectors:
    time.sleep(ids.size / SPEED)
    return np.ones((len(ids), 2), np.float32)


class Engine:
    """The parts of an embedder around a model of one fixed speed; half a second may wait."""

    def __init__(self) -> None:
        pace = Pace()
        self.admission = Admission(pace, longest_wait=0.5)
        self.batcher = Batcher(slow, dimension=2, threads=1, batch_tokens=256, note=pace.note)

    async def embed(self, texts: list[list[int]], *, patient: bool = False) -> None:
        with self.admission.hold(sum(map(len, texts)), patient=patient):
            await asyncio.wrap_future(self.batcher.submit(texts))


async def test_under_five_times_its_load_an_engine_answers_what_it_can_and_refuses_the_rest() -> (
    None
):
    engine = Engine()
    answered: list[float] = []
    refused: list[tuple[float, float]] = []

    async def call() -> None:
        began = time.monotonic()
        try:
            await engine.embed(CALL)
        except RateLimited as error:
            refused.append((time.monotonic() - began, error.retry_after or 0))
        else:
            answered.append(time.monotonic() - began)

    began, calls = time.monotonic(), []
    while (passed := time.monotonic() - began) < SECONDS:
        while len(calls) < 5 * passed * SPEED / 1000:
            calls.append(asyncio.create_task(call()))
        await asyncio.sleep(0.005)
    done = len(answered)
    await asyncio.gather(*calls)
    engine.batcher.close()
    assert done >= 0.8 * SECONDS * SPEED / 1000
    assert max(answered) < 1.5
    assert len(refused) > 2 * len(answered)
    assert max(wait for wait, _ in refused) < 0.1
    assert min(again for _, again in refused) >= 1


async def test_equal_calls_finish_in_the_order_they_came_in() -> None:
    engine, finished = Engine(), []

    async def call(number: int) -> None:
        await engine.embed(CALL, patient=True)
        finished.append(number)

    await asyncio.gather(*(call(number) for number in range(8)))
    engine.batcher.close()
    assert finished == list(range(8))


async def test_documents_are_neither_starved_by_calls_nor_in_a_querys_way() -> None:
    engine = Engine()
    document = asyncio.create_task(engine.embed([[1] * 100] * 20, patient=True))  # 0.1 s of work
    began, calls, slowest = time.monotonic(), set(), 0.0
    while not document.done() and time.monotonic() < began + 5:
        calls.add(asyncio.create_task(_gladly(engine)))
        asked = time.monotonic()
        await engine.embed([[1] * 8])
        slowest = max(slowest, time.monotonic() - asked)
    took = time.monotonic() - began
    await asyncio.gather(document, *calls)
    engine.batcher.close()
    assert took < 2.5
    assert slowest < 0.5


async def _gladly(engine: Engine) -> None:
    try:
        await engine.embed(CALL)
    except RateLimited:
        return


def waiting(admission: Admission, tokens: int) -> AbstractContextManager[Place]:
    return admission.hold(tokens, patient=True)


@pytest.fixture
def admission() -> Admission:
    """Of an engine that does 1000 tokens in a second."""
    pace = Pace()
    pace.note(10**7, 10**4)
    return Admission(pace, longest_wait=10)


def test_a_refused_caller_is_told_when_there_is_room(admission: Admission) -> None:
    with waiting(admission, 10_000):
        admission.check(10_000)
        with waiting(admission, 3_500):
            with pytest.raises(RateLimited) as refused:
                admission.check(20_000)
            assert refused.value.retry_after == 4
        admission.check(20_000)


def test_what_is_longer_than_a_call_is_not_ahead_of_it(admission: Admission) -> None:
    with waiting(admission, 10**6):
        admission.check(10_000)
        with pytest.raises(RateLimited):
            admission.check(10**6)


def test_a_call_waits_as_its_tokens_are_counted_not_guessed(admission: Admission) -> None:
    with waiting(admission, 1) as place:
        place.tokens = 50_000
        with pytest.raises(RateLimited):
            admission.check(50_000)


def test_a_pace_is_the_lanes_together_and_follows_the_engine() -> None:
    pace = Pace(lanes=2)
    for _ in range(2_000):
        pace.note(256, 0.256)
    assert pace.tokens_per_second == pytest.approx(2_000, rel=0.01)
    for _ in range(2_000):
        pace.note(256, 0.0256)
    assert pace.tokens_per_second == pytest.approx(20_000, rel=0.01)
