"""Verifies Signature Version 2 of presigned S3 URLs: what boto3 makes by default in us-east-1."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from urllib.parse import unquote

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


def check_v2(request: AwsRequest, claim: V2Claim, secret: str, now: float) -> None:
    """Raises Refused unless the URL is of this request, unexpired and signed by the secret."""
    if now > claim.expires:
        raise Refused("AccessDenied", "Request has expired; presign a new one.")
    _refuse_unsigned(request)
    if not same(v2_signature(secret, _to_sign(request, claim.expires)), claim.signature):
        raise mismatch(S3)


def v2_signature(secret: str, text: str) -> str:
    """The base64 of an HMAC-SHA1, as V2 URLs and POST policies carry it."""
    digest = hmac.digest(secret.encode(), wire_bytes(text), hashlib.sha1)
    return base64.b64encode(digest).decode()


def _refuse_unsigned(request: AwsRequest) -> None:
    seen: set[str] = set()
    for name, value in request.query:
        if name.startswith("x-amz-"):
            # One value is signed; a second one, or another in a header, would stand beside it.
            signed = name not in seen and request.header(name, value) == value
            seen.add(name)
        else:
            signed = name in _SIGNED or name in _HARMLESS or name in _AUTH
        if not signed:
            raise Refused("AccessDenied", f"The query parameter {name!r} is not signed.")


def _to_sign(request: AwsRequest, expires: int) -> str:
    # A presigner moves headers into the query; the client may send them as headers all the same.
    query = dict(request.query)
    found = {name: value for name, value in query.items() if name.startswith("x-amz-")}
    found |= {n: v for n, v in request.by_name.items() if n.startswith("x-amz-")}
    md5, content_type = (
        request.header(name) or query.get(name, "") for name in ("content-md5", "content-type")
    )
    amz = "".join(f"{name}:{found[name].strip()}\n" for name in sorted(found))
    return f"{request.method}\n{md5}\n{content_type}\n{expires}\n{amz}{_resource(request)}"


def _resource(request: AwsRequest) -> str:
    pairs = [part.split("=", 1) for part in request.raw_query.split("&")]
    signed = sorted((pair for pair in pairs if pair[0] in _SIGNED), key=lambda pair: pair[0])
    text = "&".join("=".join([pair[0], *map(unquote, pair[1:])]) for pair in signed)
    return f"{request.raw_path}?{text}" if text else request.raw_path
