"""Verifies Signature Version 2 of presigned S3 URLs: what boto3 makes by default in us-east-1."""

import base64
import hashlib
import hmac
from dataclasses import dataclass

from gateway.aws.request import AwsRequest
from gateway.aws.signature.canonical import wire_bytes
from gateway.aws.signature.errors import S3, Malformed, Refused, mismatch
from gateway.aws.signature.sigv4 import same

_SIGNED = frozenset(
    {
        "accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "inventory",
        "lifecycle", "location", "logging", "metrics", "notification", "object-lock", "partNumber",
        "policy", "replication", "requestPayment", "response-cache-control",
        "response-content-disposition", "response-content-encoding", "response-content-language",
        "response-content-type", "response-expires", "restore", "select", "select-type",
        "storageClass", "tagging", "torrent", "uploadId", "uploads", "versionId", "versioning",
        "versions", "website",
    }
)  # fmt: skip
_AUTH = ("AWSAccessKeyId", "Signature", "Expires")
# V2 leaves these unsigned. They only page or narrow a listing; any other unsigned parameter could
# turn the URL into one for another operation, so it is refused.
_HARMLESS = frozenset(
    {
        "content-md5", "content-type", "continuation-token", "delimiter", "encoding-type",
        "fetch-owner", "key-marker", "list-type", "marker", "max-keys", "max-parts", "max-uploads",
        "part-number-marker", "prefix", "start-after", "upload-id-marker", "version-id-marker",
        "x-id",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class V2Claim:
    """`expires` is in UNIX seconds."""

    access_key: str
    signature: str
    expires: int


def read_v2_claim(request: AwsRequest) -> V2Claim:
    """From the query's `AWSAccessKeyId`, `Signature` and `Expires`."""
    names = [name for name, _ in request.query]
    fields = {name: value for name, value in request.query if name in _AUTH}
    if any(names.count(name) != 1 for name in _AUTH):
        message = "Query-string authentication needs AWSAccessKeyId, Signature and Expires, once."
        raise Malformed("InvalidArgument", message)
    expires = fields["Expires"]
    if not (expires.isascii() and expires.isdigit()) or len(expires) > 11:
        raise Malformed("InvalidArgument", "Expires must be a time in UNIX seconds.")
    return V2Claim(fields["AWSAccessKeyId"], fields["Signature"], int(expires))


def check_v2(request: AwsRequest, claim: V2Claim, secret: str, now: float, path: str) -> None:
    """Raises Refused unless the URL is of this request, unexpired and signed by the secret.

    `path` begins with the bucket, also where the host names it.
    """
    if now > claim.expires:
        raise Refused("AccessDenied", "Request has expired; presign a new one.")
    _refuse_unsigned(request)
    # Signers write a bucket with or without the slash after it; both mean the same resource.
    paths = (path, f"{path}/") if path.count("/") == 1 and path != "/" else (path,)
    head = _head(request, claim.expires)
    signatures = [v2_signature(secret, head + _resource(request, path)) for path in paths]
    if not any(same(signature, claim.signature) for signature in signatures):
        raise mismatch(S3)


def v2_signature(secret: str, text: bytes) -> str:
    """The base64 of an HMAC-SHA1, as V2 URLs and POST policies carry it."""
    return base64.b64encode(hmac.digest(secret.encode(), text, hashlib.sha1)).decode()


def _refuse_unsigned(request: AwsRequest) -> None:
    seen: set[str] = set()
    for name, value in request.query:
        if "\n" in value and name.startswith(("x-amz-", "content-")):
            # A line break would let one value sign as several lines, for another resource even.
            raise Refused("AccessDenied", f"The query parameter {name!r} has a line break.")
        if name.startswith("x-amz-"):
            # One value is signed; a second one, or another in a header, would stand beside it.
            signed = name not in seen and request.header(name, value) == value
            seen.add(name)
        else:
            signed = name in _SIGNED or name in _HARMLESS or name in _AUTH
        if not signed:
            raise Refused("AccessDenied", f"The query parameter {name!r} is not signed.")


def _head(request: AwsRequest, expires: int) -> bytes:
    # A presigner moves headers into the query; the client may send them as headers all the same.
    found = {name: value.encode() for name, value in request.query}
    found |= {name: wire_bytes(value) for name, value in request.by_name.items()}
    standard = [found.get("content-md5", b""), found.get("content-type", b"")]
    amz = [
        name.encode() + b":" + found[name].strip() + b"\n"
        for name in sorted(found)
        if name.startswith("x-amz-")
    ]
    start = [request.method.encode(), *standard, str(expires).encode(), b""]
    return b"\n".join(start) + b"".join(amz)


def _resource(request: AwsRequest, path: str) -> bytes:
    # Picked by decoded names, as routing picks: `%76ersionId` is versionId, and has to sign as it.
    parts = (part for part in request.raw_query.split("&") if part)
    signed = [
        f"{name}={value}" if "=" in part else name
        for part, (name, value) in zip(parts, request.query, strict=True)
        if name in _SIGNED
    ]
    signed.sort(key=lambda text: text.partition("=")[0])
    text = "&".join(signed)
    return (f"{path}?{text}" if text else path).encode()
