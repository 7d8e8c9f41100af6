"""A bound on the texts that wait for an engine: past it a caller is told when to come back."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from kit.errors import RateLimited

_SHORTEST: Final = 0.1  # seconds
_LONGEST: Final = 30.0
_SMOOTHING: Final = 0.2


class Admission:
    """Belongs to one event loop."""

    def __init__(self, limit: int) -> None:
        """`limit` is the number of texts that may be waiting or at work at a time."""
        self._limit = limit
        self._held = 0
        self._seconds = 0.0

    @contextmanager
    def hold(self, texts: int) -> Iterator[None]:
        """Raises RateLimited where there is no room; a single call is always let in when idle."""
        if self._held and self._held + texts > self._limit:
            raise RateLimited(
                f"{self._held} texts are waiting to be embedded; try again in a moment.",
                retry_after=min(max(self._seconds, _SHORTEST), _LONGEST),
            )
        self._held += texts
        began = time.monotonic()
        try:
            yield
        finally:
            self._held -= texts
            self._seconds += _SMOOTHING * (time.monotonic() - began - self._seconds)
