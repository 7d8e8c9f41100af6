"""Named points at which the fault harness may kill, stop or delay this process.

Nothing is armed unless a test program calls `arm`, so a point costs one dictionary look-up.
"""

from collections.abc import Callable

_armed: dict[str, Callable[[], None]] = {}


def failpoint(name: str) -> None:
    """Runs what is armed at `name`; usually nothing."""
    action = _armed.get(name)
    if action is not None:
        action()


def arm(name: str, action: Callable[[], None]) -> None:
    _armed[name] = action
