"""What an object store refuses, by S3's own names; each is a leaf of the platform's error tree."""

from typing import ClassVar

from kit.errors import (
    Conflict,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    PlatformError,
    PreconditionFailed,
)


class NoSuchBucket(NotFound):
    aws_code: ClassVar[str] = "NoSuchBucket"


class NoSuchKey(NotFound):
    aws_code: ClassVar[str] = "NoSuchKey"


class NoSuchVersion(NotFound):
    aws_code: ClassVar[str] = "NoSuchVersion"


class NoSuchUpload(NotFound):
    aws_code: ClassVar[str] = "NoSuchUpload"


class NoSuchTagSet(NotFound):
    aws_code: ClassVar[str] = "NoSuchTagSet"


class MarkerHasNoContent(MethodNotAllowed):
    """A delete marker was asked for by its version id."""

    aws_code: ClassVar[str] = "MethodNotAllowed"


class BucketAlreadyOwnedByYou(Conflict):
    aws_code: ClassVar[str] = "BucketAlreadyOwnedByYou"


class BucketNotEmpty(Conflict):
    aws_code: ClassVar[str] = "BucketNotEmpty"


class InvalidBucketName(InvalidRequest):
    aws_code: ClassVar[str] = "InvalidBucketName"


class InvalidArgument(InvalidRequest):
    aws_code: ClassVar[str] = "InvalidArgument"


class BadRequest(InvalidRequest):
    aws_code: ClassVar[str] = "InvalidRequest"


class KeyTooLong(InvalidRequest):
    aws_code: ClassVar[str] = "KeyTooLongError"


class MetadataTooLarge(InvalidRequest):
    aws_code: ClassVar[str] = "MetadataTooLarge"


class InvalidTag(InvalidRequest):
    aws_code: ClassVar[str] = "InvalidTag"


class InvalidDigest(InvalidRequest):
    aws_code: ClassVar[str] = "InvalidDigest"


class BadDigest(InvalidRequest):
    """The bytes that came do not have the checksum that was promised."""

    aws_code: ClassVar[str] = "BadDigest"


class IncompleteBody(InvalidRequest):
    aws_code: ClassVar[str] = "IncompleteBody"


class InvalidPart(InvalidRequest):
    aws_code: ClassVar[str] = "InvalidPart"


class InvalidPartOrder(InvalidRequest):
    aws_code: ClassVar[str] = "InvalidPartOrder"


class InvalidPartNumber(InvalidRequest):
    """A part that the object does not have was asked for."""

    aws_code: ClassVar[str] = "InvalidPartNumber"
    status: ClassVar[int] = 416


class PartTooSmall(InvalidRequest):
    aws_code: ClassVar[str] = "EntityTooSmall"


class EntityTooLarge(PayloadTooLarge):
    aws_code: ClassVar[str] = "EntityTooLarge"
    status: ClassVar[int] = 400


class MalformedXml(InvalidRequest):
    aws_code: ClassVar[str] = "MalformedXML"


class RangeNotSatisfiable(PlatformError):
    """No byte of the object lies in the range."""

    aws_code: ClassVar[str] = "InvalidRange"
    code: ClassVar[str] = "range_not_satisfiable"
    status: ClassVar[int] = 416


class NotModified(PlatformError):
    """The caller's copy is still good; the headers of a 304 travel with it."""

    aws_code: ClassVar[str] = "NotModified"
    code: ClassVar[str] = "not_modified"
    status: ClassVar[int] = 304

    def __init__(self, *, etag: str, modified: float) -> None:
        super().__init__("Not Modified")
        self.etag = etag
        self.modified = modified


class ConditionFailed(PreconditionFailed):
    aws_code: ClassVar[str] = "PreconditionFailed"

    def __init__(self, condition: str) -> None:
        super().__init__(
            "At least one of the pre-conditions you specified did not hold.", param=condition
        )


class BlobMissing(Exception):
    """A blob that a row named a moment ago is gone: its object was deleted or replaced since."""
