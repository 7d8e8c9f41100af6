"""How a job waits for what is away: it gives its place to others, and comes again."""

import time
from secrets import SystemRandom

from kit.errors import PlatformError
from kit.jobs.ports import JobYielded

_chance = SystemRandom()


def come_again(error: PlatformError, *, least: float, until: float) -> JobYielded:
    """After what the error asks for, `least` seconds or more, and no later than `until` (UNIX).

    Spread, since all that is held up is told of the same moment. Raises the error where it is later
    already.
    """
    left = until - time.time()
    if left <= 0:
        raise error
    wait = max(least, error.retry_after or 0.0) * _chance.uniform(1.0, 2.0)
    return JobYielded(after=min(wait, left))
