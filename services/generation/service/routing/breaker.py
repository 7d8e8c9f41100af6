"""Keeps requests from a replica that keeps failing, and lets one through now and then to see."""

_FAILURES = 3
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0


class Breaker:
    """Opens after three failures in a row; after a pause, which doubles, one probe may pass."""

    def __init__(self) -> None:
        self._failures = 0
        self._pause = _FIRST_PAUSE
        self._opens_at: float | None = None
        self._is_probed = False

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

    def begun(self) -> None:
        """A request goes through, which is the probe while the breaker is open."""
        self._is_probed = self.is_open

    def succeeded(self) -> None:
        self._failures, self._pause = 0, _FIRST_PAUSE
        self._opens_at, self._is_probed = None, False

    def failed(self, now: float) -> None:
        self._failures += 1
        if self.is_open:
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        if self.is_open or self._failures >= _FAILURES:
            self._opens_at, self._is_probed = now + self._pause, False

    def abandoned(self) -> None:
        """The caller left before the request showed anything; another may probe."""
        self._is_probed = False
