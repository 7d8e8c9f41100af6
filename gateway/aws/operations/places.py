"""Places in the object store that operations of other services name by their S3 URIs."""

import re

from contracts.generation.invocations import ObjectPlace
from gateway.aws.registry import Call
from kit.auth.scopes import require
from kit.errors import InvalidRequest
from kit.objects.arns import arn

_URI = re.compile(r"s3://[^/]+(/.*)?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def readable(call: Call, uri: str, member: str) -> ObjectPlace:
    """Raises PermissionDenied where the caller's key may not read it itself."""
    return _place(call, uri, member, "s3:GetObject")


def writable(call: Call, uri: str, member: str) -> ObjectPlace:
    """Raises PermissionDenied where the caller's key may not write it itself."""
    return _place(call, uri, member, "s3:PutObject")


def split(uri: str, member: str) -> tuple[str, str]:
    """The bucket and the key, which may be empty. Raises InvalidRequest."""
    if not _URI.fullmatch(uri) or _CONTROL.search(uri):
        raise InvalidRequest(f"{uri!r} is no S3 URI: s3://bucket/key.", param=member)
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def _place(call: Call, uri: str, member: str, operation: str) -> ObjectPlace:
    bucket, key = split(uri, member)
    require(call.principal.scopes, operation, arn(bucket, key) if key else arn(bucket, "*"))
    return ObjectPlace(bucket=bucket, key=key)
