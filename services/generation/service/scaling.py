"""How many copies a pool should have, from the requests that run or wait."""

from collections.abc import Callable
from math import ceil
from time import monotonic

_GROW_AFTER = 3.0
_SHRINK_AFTER = 120.0
_SLACK = 0.75
"""Fewer copies must leave this much of their target taken, or the next request brings one back."""


class Scaler:
    """Grows within seconds and shrinks within minutes, for a start is slow and costs memory."""

    def __init__(
        self,
        target: int,
        *,
        grow_after: float = _GROW_AFTER,
        shrink_after: float = _SHRINK_AFTER,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """`target` is the requests that one copy should have at once."""
        self._target = target
        self._busy = _Held(grow_after, clock)
        self._idle = _Held(shrink_after, clock)

    def copies(self, now: int, least: int, most: int, requests: int) -> int:
        """What to have from here on, given what there is; within `least` and `most` at once."""
        now = min(max(now, least), most)
        grown = min(ceil(requests / self._target), most)
        shrunk = max(ceil(requests / (self._target * _SLACK)), least)
        if self._busy.long_enough(grown > now):
            return grown
        if self._idle.long_enough(shrunk < now):
            return shrunk
        return now


class _Held:
    """Whether something has held without a break for some seconds; then the wait begins anew."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds, self._clock = seconds, clock
        self._since: float | None = None

    def long_enough(self, holds: bool) -> bool:
        if not holds:
            self._since = None
            return False
        if self._since is None:
            self._since = self._clock()
        if self._clock() - self._since < self._seconds:
            return False
        self._since = None
        return True
