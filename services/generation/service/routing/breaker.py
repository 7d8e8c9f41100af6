"""Keeps requests from a replica that keeps failing, and lets one through now and then to see."""

_FAILURES = 3
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0


class Breaker:
    """Opens after three failures in a row; after a pause, which doubles, one probe may pass.

    Every request is told with what `begun` answered for it: those that were sent before the breaker
    opened say nothing of the replica as it is now, so that the probe's word alone counts.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._pause = _FIRST_PAUSE
        self._opens_at: float | None = None
        self._is_probed = False
        self._openings = 0

    @property
    def is_open(self) -> bool:
        return self._opens_at is not None

    def wait(self, now: float) -> float:
        """Seconds until a request may pass; 0 where one may now."""
        if self._opens_at is None:
            return 0.0
        if self._is_probed:
            return self._pause
        return max(0.0, self._opens_at - now)

    def begun(self) -> int:
        """A request goes through, which is the probe while the breaker is open."""
        self._is_probed = self.is_open
        return self._openings

    def replied(self, begun: int) -> None:
        """Its answer has begun, so others may follow; the next failure still opens it again."""
        if self.is_open and begun == self._openings:
            self._failures = _FAILURES - 1
            self._opens_at, self._is_probed = None, False

    def ended(self, begun: int, verdict: bool | None, now: float) -> None:
        """`verdict` is whether the replica did its part; None where that never showed."""
        if begun != self._openings:
            return
        self._is_probed = False
        if verdict:
            self._failures, self._pause, self._opens_at = 0, _FIRST_PAUSE, None
        elif verdict is False:
            self._failed(now)

    def _failed(self, now: float) -> None:
        self._failures += 1
        if self.is_open:
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        if self.is_open or self._failures >= _FAILURES:
            self._openings += 1
            self._opens_at = now + self._pause
