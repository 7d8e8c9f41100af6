"""How fast a pool works, so that a caller can be told at once that waiting is in vain."""

from math import exp

_MEMORY = 20.0
"""Seconds of work after which an observation counts for a third."""
_ENOUGH = 0.5


class Speed:
    """Tokens a second, over the time in which anything ran."""

    def __init__(self, now: float) -> None:
        self._tokens = self._seconds = 0.0
        self._seen = now

    def passed(self, now: float, *, is_busy: bool) -> None:
        """To be called whenever that may change, with how it was until now."""
        elapsed, self._seen = now - self._seen, now
        if is_busy and elapsed > 0:
            kept = exp(-elapsed / _MEMORY)
            self._tokens *= kept
            self._seconds = self._seconds * kept + elapsed

    def done(self, tokens: int) -> None:
        self._tokens += tokens

    def seconds_for(self, tokens: int) -> float:
        """0 while too little was seen to tell."""
        if self._seconds < _ENOUGH or self._tokens <= 0:
            return 0.0
        return tokens * self._seconds / self._tokens
