"""Renders the error tree under AWS's names: an operation's own, its service's, or common ones.

A name comes from the first of: the error's own `aws_code` (S3's and the signatures' have one), the
tables that operations modules declare, and the candidates below. Of several candidates the one that
the operation's model lists is taken, so that a client catches it as a type of its own.
"""

from typing import Any

from gateway.aws.protocol import models
from gateway.aws.protocol.error_body import WireError
from gateway.aws.protocol.failures import OperationAbsent, SerializationFailed, UnknownOperation
from gateway.aws.protocol.models import error_status, message_name
from gateway.aws.protocol.route import RoutedOperation
from gateway.aws.protocol.wire import Protocol
from gateway.aws.registry import ErrorMembers, ErrorName, error_name
from gateway.aws.signature.errors import Malformed, Refused, TooLarge
from kit import errors as kit
from kit.errors import PlatformError

_INTERNAL = "An internal error occurred. Give the request id to the operator of this platform."
_Names = dict[type[PlatformError], tuple[str, ...]]

_JSON: _Names = {
    SerializationFailed: ("SerializationException",),
    UnknownOperation: ("UnknownOperationException",),
    OperationAbsent: ("UnknownOperationException",),
    kit.InvalidRequest: ("ValidationException", "ValidationError"),
    kit.Unauthenticated: ("UnrecognizedClientException",),
    kit.PermissionDenied: ("AccessDeniedException",),
    kit.NotFound: ("ResourceNotFoundException", "ResourceNotFound"),
    kit.MethodNotAllowed: ("UnknownOperationException",),
    kit.Conflict: ("ConflictException", "ResourceInUse"),
    kit.PreconditionFailed: ("ConflictException",),
    kit.PayloadTooLarge: ("RequestEntityTooLargeException",),
    kit.UnsupportedMedia: ("UnsupportedMediaTypeException",),
    kit.RateLimited: ("ThrottlingException",),
    kit.BudgetSpent: ("ServiceQuotaExceededException", "ThrottlingException"),
    kit.Internal: ("InternalServerException", "InternalFailure"),
    kit.Unsupported: ("UnknownOperationException",),
    kit.UpstreamFailed: ("ModelErrorException", "ModelError", "DependencyFailedException"),
    kit.Unavailable: ("ServiceUnavailableException", "ServiceUnavailable"),
    kit.NotReady: ("ModelNotReadyException", "ServiceUnavailableException", "ServiceUnavailable"),
    kit.DeadlineExceeded: ("ModelTimeoutException", "ServiceUnavailableException"),
    kit.StorageFull: ("ServiceQuotaExceededException", "ResourceLimitExceeded"),
}
_S3: _Names = {
    SerializationFailed: ("MalformedXML",),
    UnknownOperation: ("MethodNotAllowed",),
    OperationAbsent: ("NotImplemented",),
    kit.InvalidRequest: ("InvalidArgument",),
    kit.Unauthenticated: ("AccessDenied",),
    kit.PermissionDenied: ("AccessDenied",),
    kit.NotFound: ("NoSuchKey",),
    kit.MethodNotAllowed: ("MethodNotAllowed",),
    kit.Conflict: ("OperationAborted",),
    kit.PreconditionFailed: ("PreconditionFailed",),
    kit.PayloadTooLarge: ("EntityTooLarge",),
    kit.UnsupportedMedia: ("InvalidRequest",),
    kit.RateLimited: ("SlowDown",),
    kit.BudgetSpent: ("SlowDown",),
    kit.Internal: ("InternalError",),
    kit.Unsupported: ("NotImplemented",),
    kit.UpstreamFailed: ("InternalError",),
    kit.Unavailable: ("ServiceUnavailable",),
    kit.DeadlineExceeded: ("ServiceUnavailable",),
    kit.StorageFull: ("InsufficientStorage",),
}
_QUERY: _Names = {
    **_JSON,
    SerializationFailed: ("MalformedInput",),
    UnknownOperation: ("InvalidAction",),
    OperationAbsent: ("NotImplemented",),
    kit.InvalidRequest: ("ValidationError",),
    kit.Unauthenticated: ("InvalidClientTokenId",),
    kit.PermissionDenied: ("AccessDenied",),
    kit.NotFound: ("ResourceNotFound",),
    kit.RateLimited: ("Throttling",),
    kit.BudgetSpent: ("Throttling",),
    kit.Internal: ("InternalFailure",),
    kit.Unsupported: ("NotImplemented",),
    kit.Unavailable: ("ServiceUnavailable",),
}
_NAMES: dict[Protocol, _Names] = {
    "json": _JSON,
    "rest-json": _JSON,
    "rest-xml": _S3,
    "query": _QUERY,
}
# Names that AWS answers with though a service's model may not list them.
COMMON = frozenset(name for names in (_JSON, _S3, _QUERY) for row in names.values() for name in row)

# They know which service's names to use; other errors' own codes are S3's.
_SIGNATURE_ERRORS = (Refused, Malformed, TooLarge)
_STATUSES = {"SlowDown": 503, "MethodNotAllowed": 405, "UnrecognizedClientException": 403}
# The JSON and query protocols answer client errors with 400; these keep their status.
_KEPT_STATUSES = frozenset({403, 413})


def wire_error(
    error: PlatformError, protocol: Protocol, routed: RoutedOperation | None, resource: str = ""
) -> WireError:
    """`resource` is the request's path, which S3's errors repeat."""
    name = _name(error, protocol, routed)
    shape = _shape(name.code, routed)
    status = name.status or (error_status(shape) if shape is not None else None)
    return WireError(
        code=name.code,
        message=_message(error, protocol),
        status=status or _status(error, name.code, protocol),
        members=error.members if isinstance(error, ErrorMembers) else {},
        resource=resource,
        message_name=message_name(shape),
        retry_after=error.retry_after,
    )


def _message(error: PlatformError, protocol: Protocol) -> str:
    """Names the member that is wrong, as AWS's own validation does."""
    if isinstance(error, kit.Internal):
        return _INTERNAL
    if isinstance(error, kit.InvalidRequest) and error.param and protocol != "rest-xml":
        is_named = error.param in error.message
        return error.message if is_named else f"{error.message} (at '{error.param}')"
    return error.message


def _name(error: PlatformError, protocol: Protocol, routed: RoutedOperation | None) -> ErrorName:
    own = getattr(error, "aws_code", None)
    if own and (protocol == "rest-xml" or isinstance(error, _SIGNATURE_ERRORS)):
        return ErrorName(own, error.status)
    for ancestor in type(error).__mro__:
        declared = error_name(routed.id, ancestor) if routed else None
        if declared is not None:
            return declared
        candidates = _NAMES[protocol].get(ancestor)
        if candidates:
            return ErrorName(_modelled(candidates, routed))
    return ErrorName("InternalFailure", 500)


def _modelled(candidates: tuple[str, ...], routed: RoutedOperation | None) -> str:
    """The first candidate that the operation lists, else the service, else simply the first."""
    if routed is not None:
        for known in (routed.spec.errors, models.service(routed.service).errors):
            for candidate in candidates:
                if candidate in known:
                    return candidate
    return candidates[0]


def _shape(code: str, routed: RoutedOperation | None) -> Any:
    if routed is None:
        return None
    return routed.spec.errors.get(code) or models.service(routed.service).errors.get(code)


def _status(error: PlatformError, code: str, protocol: Protocol) -> int:
    status = _STATUSES.get(code, 403 if error.status == 401 else error.status)
    if protocol in ("json", "query") and status < 500 and status not in _KEPT_STATUSES:
        return 400
    return status
