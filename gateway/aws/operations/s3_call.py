"""What every S3 operation shares: its guard, its resource's name, and members in common."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote

from gateway.aws.registry import Call, Handler, Parameters, Reply, errors, operation
from gateway.aws.request import AwsRequest, percent_decoded
from kit.auth.scopes import require
from kit.errors import PermissionDenied, StorageFull, Unsupported
from kit.objects.arns import arn
from kit.objects.checksums import ALGORITHMS, Checksum
from kit.objects.conditions import Conditions
from kit.objects.copying import Place
from kit.objects.errors import BadRequest, InvalidArgument, InvalidTag, NoSuchBucket
from kit.objects.names import is_reserved
from kit.objects.receiving import md5_of_header
from kit.objects.records import NULL_VERSION, Attributes, Expected, ObjectInfo
from kit.objects.store import ObjectStore

SERVICE = "s3"
DEFAULT_REGION = "us-east-1"
_STORED_HEADERS = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
)
_STORAGE_CLASSES = ("STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING")
_PRIVATE_ACLS = ("private", "bucket-owner-full-control", "bucket-owner-read")
_NOT_SERVED = {
    "ServerSideEncryption": "server-side encryption",
    "SSECustomerAlgorithm": "server-side encryption",
    "SSEKMSKeyId": "server-side encryption",
    "CopySourceSSECustomerAlgorithm": "server-side encryption",
    "ObjectLockMode": "object lock",
    "ObjectLockLegalHoldStatus": "object lock",
    "ObjectLockRetainUntilDate": "object lock",
    "WriteOffsetBytes": "appending to objects",
}
_GRANTS = ("GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP")


class AclNotSupported(BadRequest):
    aws_code = "AccessControlListNotSupported"


class InvalidStorageClass(BadRequest):
    aws_code = "InvalidStorageClass"


errors(SERVICE, {StorageFull: "InsufficientStorage"})


def s3_operation(name: str, *, missing: str = "") -> Callable[[Handler], Handler]:
    """Registers an S3 handler behind the guard; keys' scopes see `arn:aws:s3:::bucket/key`."""

    def register(handler: Handler) -> Handler:
        async def guarded(call: Call, parameters: Parameters) -> Parameters | Reply:
            _guard(call, parameters)
            return await handler(call, parameters)

        operation(SERVICE, name, missing=missing, resource=_arn)(guarded)
        return handler

    return register


def store(call: Call) -> ObjectStore:
    return call.backends.objects


def attributes_of(request: AwsRequest, parameters: Parameters) -> Attributes:
    """What a request says of the object that it makes."""
    return make_attributes(
        request.by_name, parameters.get("Metadata") or {}, parameters.get("Tagging", "")
    )


def make_attributes(
    headers: Mapping[str, str], metadata: Mapping[str, str], tagging: str
) -> Attributes:
    """`headers` by lower-case name; `tagging` is a query string of tags."""
    kept = {name: headers[name] for name in _STORED_HEADERS if headers.get(name)}
    codings = [part.strip() for part in kept.pop("content-encoding", "").split(",")]
    real = ", ".join(part for part in codings if part and part.lower() != "aws-chunked")
    if real:  # aws-chunked was the transfer's, not the object's
        kept["content-encoding"] = real
    storage = kept.get("x-amz-storage-class", "STANDARD")
    if storage not in _STORAGE_CLASSES:
        raise InvalidStorageClass(
            f"The storage class {storage!r} is not served; use one of "
            f"{', '.join(_STORAGE_CLASSES)}.",
            param="StorageClass",
        )
    return Attributes(kept, dict(metadata), parse_tagging(tagging))


def parse_tagging(header: str) -> dict[str, str]:
    try:
        return unique_tags(parse_qsl(header, keep_blank_values=True, errors="strict"))
    except UnicodeDecodeError as error:
        raise InvalidTag("The tags are not UTF-8.", param="Tagging") from error


def unique_tags(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Raises InvalidTag where a key is given twice."""
    tags: dict[str, str] = {}
    for key, value in pairs:
        if key in tags:
            raise InvalidTag("Cannot provide multiple Tags with the same key.", param="Tagging")
        tags[key] = value
    return tags


def expected_of(call: Call, parameters: Parameters) -> Expected:
    """What a request promises of its body, in headers or in trailers to come."""
    promised = [name for name in ALGORITHMS if f"Checksum{name}" in parameters]
    trailer = call.request.header("x-amz-trailer").lower()
    announced = [name for name in ALGORITHMS if trailer == f"x-amz-checksum-{name.lower()}"]
    if len(promised) + len(announced) > 1:
        raise BadRequest("Expecting a single x-amz-checksum- header.")
    named = promised + announced or [parameters.get("ChecksumAlgorithm", "")]
    md5 = parameters.get("ContentMD5")
    return Expected(
        length=call.length,
        md5=md5_of_header(md5) if md5 is not None else "",
        algorithm=named[0],
        checksum=parameters.get(f"Checksum{named[0]}", "") if promised else "",
        trailers=call.trailers,
    )


def conditions_of(parameters: Parameters, prefix: str = "") -> Conditions:
    """`prefix` is CopySource for the conditions on a copy's source."""
    modified = parameters.get(f"{prefix}IfModifiedSince")
    unmodified = parameters.get(f"{prefix}IfUnmodifiedSince")
    return Conditions(
        parameters.get(f"{prefix}IfMatch", ""),
        parameters.get(f"{prefix}IfNoneMatch", ""),
        modified.timestamp() if modified else None,
        unmodified.timestamp() if unmodified else None,
    )


def copy_source(call: Call, parameters: Parameters) -> Place:
    """The source of a copy that the caller may read, from `/bucket/key?versionId=…`."""
    path, mark, version = parameters["CopySource"].partition("?versionId=")
    bucket, slash, key = percent_decoded(path).removeprefix("/").partition("/")
    if not slash or not bucket or not key or (mark and not version):
        raise InvalidArgument(
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
            param="CopySource",
        )
    if bucket.startswith("arn:"):
        raise Unsupported("Access points are not served; name the bucket.")
    if is_reserved(bucket):
        raise NoSuchBucket("The specified bucket does not exist.", param="CopySource")
    require(call.principal.scopes, f"{SERVICE}:GetObject", arn(bucket, key))
    return Place(bucket, key, version)


def checksum_members(checksum: Checksum | None) -> Parameters:
    if checksum is None:
        return {}
    return {f"Checksum{checksum.algorithm}": checksum.value, "ChecksumType": checksum.kind}


def version_members(info: ObjectInfo) -> Parameters:
    return {} if info.version == NULL_VERSION else {"VersionId": info.version}


def quoted(etag: str) -> str:
    return f'"{etag}"'


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def owner(call: Call) -> Parameters:
    return {"ID": call.principal.account}


def url_encoder(parameters: Parameters) -> Callable[[str], str]:
    """How a listing writes keys: percent-encoded where the caller asks for it."""
    if parameters.get("EncodingType") == "url":
        return lambda text: quote(text, safe="/")
    return lambda text: text


def _guard(call: Call, parameters: Parameters) -> None:
    for expected in ("ExpectedBucketOwner", "ExpectedSourceBucketOwner"):
        if parameters.get(expected, call.principal.account) != call.principal.account:
            raise PermissionDenied("Access Denied", param=expected)
    for member, feature in _NOT_SERVED.items():
        if member in parameters:
            raise Unsupported(f"{feature.capitalize()} is not served here.", param=member)
    granted = any(parameters.get(member) for member in _GRANTS)
    if granted or parameters.get("ACL", "private") not in _PRIVATE_ACLS:
        raise AclNotSupported("The bucket does not allow ACLs.", param="ACL")
    if parameters.get("Bucket", "").startswith("arn:"):
        raise NoSuchBucket("Access points are not served; name the bucket.", param="Bucket")
    if is_reserved(parameters.get("Bucket", "")):
        raise NoSuchBucket("The specified bucket does not exist.", param="Bucket")


def _arn(parameters: Parameters) -> str:
    return arn(parameters.get("Bucket", "*"), parameters.get("Key", ""))
