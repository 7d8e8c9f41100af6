"""How many copies a pool should have."""

from dataclasses import dataclass

import pytest

from services.generation.service.scaling import Scaler


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def scaler(clock: Clock) -> Scaler:
    return Scaler(10, grow_after=3, shrink_after=60, clock=clock)


def test_a_burst_that_ends_soon_starts_nothing(scaler: Scaler, clock: Clock):
    assert scaler.copies(1, 1, 4, 30) == 1
    clock.now = 2
    assert scaler.copies(1, 1, 4, 3) == 1
    clock.now = 4
    assert scaler.copies(1, 1, 4, 30) == 1


def test_lasting_load_brings_as_many_copies_as_it_fills(scaler: Scaler, clock: Clock):
    scaler.copies(1, 1, 4, 25)
    clock.now = 3
    assert scaler.copies(1, 1, 4, 25) == 3


def test_no_load_brings_more_than_the_most(scaler: Scaler, clock: Clock):
    scaler.copies(1, 1, 2, 1000)
    clock.now = 3
    assert scaler.copies(1, 1, 2, 1000) == 2


def test_copies_go_only_after_minutes_of_less_load(scaler: Scaler, clock: Clock):
    assert scaler.copies(3, 1, 4, 0) == 3
    clock.now = 59
    assert scaler.copies(3, 1, 4, 0) == 3
    clock.now = 60
    assert scaler.copies(3, 1, 4, 0) == 1


def test_load_at_the_edge_keeps_its_copies(scaler: Scaler, clock: Clock):
    """20 requests fit two copies exactly, but one more would bring the third back."""
    scaler.copies(3, 1, 4, 20)
    clock.now = 1000
    assert scaler.copies(3, 1, 4, 20) == 3


def test_new_bounds_hold_at_once(scaler: Scaler):
    assert scaler.copies(0, 2, 4, 0) == 2
    assert scaler.copies(4, 1, 2, 100) == 2
