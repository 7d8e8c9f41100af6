"""The one error tree; each front door renders it once, in its own wire's form.

PlatformError
├── InvalidRequest        400  a member is missing, malformed or out of range
├── Unauthenticated       401  no credential, or one that does not verify
├── PermissionDenied      403  a good credential without the right
├── NotFound              404  absent, or another tenant's: the two are indistinguishable
├── MethodNotAllowed      405
├── Conflict              409  the resource's state forbids it
├── PreconditionFailed    412  a conditional request did not hold
├── PayloadTooLarge       413
├── UnsupportedMedia      415
├── RateLimited           429  the tenant's own limit; carries retry_after
├── BudgetSpent           429  the tenant's money for the day or month; carries retry_after
├── Internal              500  a bug; the message says nothing of the inside
├── Unsupported           501  a known operation that this platform does not serve
├── UpstreamFailed        502  an engine answered with an error
├── Unavailable           503  try again; carries retry_after
│   ├── NotReady          503  the model is starting; carries retry_after
│   └── Interrupted       503  who did the work went away in the middle; it may be why
├── DeadlineExceeded      504
│   └── TookTooLong       504  longer than any request may take; not to be tried again as it is
└── StorageFull           507  refused before it was accepted
"""

from typing import ClassVar


class PlatformError(Exception):
    """Base of every expected failure. `param` names the offending member, in the caller's words."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(
        self, message: str, *, param: str | None = None, retry_after: float | None = None
    ) -> None:
        self.message = _encodable(message)
        super().__init__(self.message)
        self.param = None if param is None else _encodable(param)
        self.retry_after = retry_after


def _encodable(text: str) -> str:
    """Half a surrogate pair, out of somebody's JSON, written out: no door could send it."""
    return text.encode("utf-8", "backslashreplace").decode()


class InvalidRequest(PlatformError):
    code, status = "invalid_request", 400


class Unauthenticated(PlatformError):
    code, status = "unauthenticated", 401


class PermissionDenied(PlatformError):
    code, status = "permission_denied", 403


class NotFound(PlatformError):
    code, status = "not_found", 404


class MethodNotAllowed(PlatformError):
    code, status = "method_not_allowed", 405


class Conflict(PlatformError):
    code, status = "conflict", 409


class PreconditionFailed(PlatformError):
    code, status = "precondition_failed", 412


class PayloadTooLarge(PlatformError):
    code, status = "payload_too_large", 413


class UnsupportedMedia(PlatformError):
    code, status = "unsupported_media_type", 415


class RateLimited(PlatformError):
    code, status, retryable = "rate_limited", 429, True

    @property
    def passes(self) -> bool:
        """False for what is more than a whole minute's limit: no wait helps it."""
        return self.retry_after is not None


class BudgetSpent(PlatformError):
    code, status = "budget_spent", 429


class Internal(PlatformError):
    code, status, retryable = "internal", 500, True


class Unsupported(PlatformError):
    code, status = "unsupported", 501


class UpstreamFailed(PlatformError):
    code, status, retryable = "upstream_failed", 502, True


class Unavailable(PlatformError):
    code, status, retryable = "unavailable", 503, True


class NotReady(Unavailable):
    code = "not_ready"


class Interrupted(Unavailable):
    code = "interrupted"


class DeadlineExceeded(PlatformError):
    code, status, retryable = "deadline_exceeded", 504, True


class TookTooLong(DeadlineExceeded):
    code, retryable = "took_too_long", False


class StorageFull(PlatformError):
    code, status = "storage_full", 507


def _below(kind: type[PlatformError]) -> dict[str, type[PlatformError]]:
    known = {leaf.code: leaf for leaf in kind.__subclasses__()}
    return known | {code: leaf for child in known.values() for code, leaf in _below(child).items()}


LEAVES: dict[str, type[PlatformError]] = _below(PlatformError)
