"""What a client is told of whatever went wrong: the same at every door."""

import logging

from kit.errors import Internal, PlatformError

_log = logging.getLogger(__name__)


def expected(error: Exception, request_id: str) -> PlatformError:
    """The error itself; in a bug's place one that hides it, and only the log tells of the bug."""
    if isinstance(error, PlatformError):
        return error
    _log.error("A request failed", extra={"request_id": request_id}, exc_info=error)
    return Internal("The server had an error; try again.")
