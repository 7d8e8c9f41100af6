"""Bounds how long callers wait for an engine: past it they are told when there is room."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Final

from kit.errors import RateLimited

LONGEST_WAIT: Final = 10.0  # seconds of work ahead of a caller that does not wait for longer
_MEMORY: Final = 50_000.0  # tokens of work after which older speeds hardly count
_GUESS: Final = 4_000.0  # tokens per second, before anything is measured
_GUESSED: Final = 1_000.0  # tokens that the guess weighs


class Pace:
    """How fast an engine works, as a running mean; safe under threads."""

    def __init__(self, lanes: int = 1) -> None:
        """`lanes` is the number of pieces of work that run side by side."""
        self._lanes = lanes
        self._tokens = _GUESSED
        self._seconds = _GUESSED / _GUESS * lanes
        self._lock = Lock()

    def note(self, tokens: int, seconds: float) -> None:
        """One piece of work, done in one lane."""
        with self._lock:
            kept = math.exp(-tokens / _MEMORY)
            self._tokens = self._tokens * kept + tokens
            self._seconds = self._seconds * kept + seconds

    @property
    def tokens_per_second(self) -> float:
        """Of all lanes together."""
        with self._lock:
            return self._lanes * self._tokens / max(self._seconds, 1e-9)


@dataclass(slots=True, eq=False)
class Place:
    """One call's tokens, waiting or at work; set anew when they are counted."""

    tokens: int


class Admission:
    """Belongs to one event loop."""

    def __init__(self, pace: Pace, *, longest_wait: float) -> None:
        """`longest_wait`, in seconds, is for the work ahead of a call."""
        self._pace = pace
        self._longest = longest_wait
        self._places: set[Place] = set()

    def check(self, tokens: int) -> None:
        """Raises RateLimited where a call of so many tokens would wait for too long.

        Ahead of a call is of every other no more than its own size: shorter calls go first.
        """
        ahead = sum(min(place.tokens, tokens) for place in self._places)
        wait = ahead / self._pace.tokens_per_second
        if wait > self._longest:
            raise RateLimited(
                f"The texts waiting to be embedded take {wait:.0f} s; try again later.",
                retry_after=float(math.ceil(wait - self._longest)),
            )

    @contextmanager
    def hold(self, tokens: int, *, patient: bool) -> Iterator[Place]:
        """Raises RateLimited as `check` does, unless `patient`; an idle engine takes any call."""
        if not patient:
            self.check(tokens)
        place = Place(tokens)
        self._places.add(place)
        try:
            yield place
        finally:
            self._places.discard(place)
