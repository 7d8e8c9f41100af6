"""How many requests may be tried again: a share of all, so that trouble is not multiplied."""

_SHARE = 0.1
_MOST = 10.0


class RetryBudget:
    """Every request earns a tenth of a retry; at most ten are saved up."""

    def __init__(self) -> None:
        self._saved = _MOST

    def earn(self) -> None:
        self._saved = min(_MOST, self._saved + _SHARE)

    def spend(self) -> bool:
        """Whether one more try may be made; counts it."""
        if self._saved < 1:
            return False
        self._saved -= 1
        return True
