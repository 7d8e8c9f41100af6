"""What a signature says of the body, and readers that hold the body to it while it streams."""

import hashlib
import re
from collections.abc import AsyncIterator
from ipaddress import ip_address

from gateway.aws.request import AwsRequest
from gateway.aws.signature.chunked import Framing, Seal, decode
from gateway.aws.signature.claim import Claim
from gateway.aws.signature.errors import S3, Dialect, Malformed, Refused, TooLarge, mismatch

UNSIGNED = "UNSIGNED-PAYLOAD"
SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
_CHUNKED = frozenset({SIGNED_CHUNKS, SIGNED_TRAILER, UNSIGNED_TRAILER})
_UNPROTECTED = frozenset({UNSIGNED, UNSIGNED_TRAILER})
_HASH = re.compile(r"[0-9a-fA-F]{64}")
HEADER = "x-amz-content-sha256"


def signed_hash(
    request: AwsRequest, claim: Claim, dialect: Dialect, *, plain_http: bool
) -> str | None:
    """The last line of the canonical request; None where it is the hash of the body to come.

    `plain_http` allows unsigned bodies without TLS from anywhere; from loopback, and in presigned
    URLs (which have no other form), they are always allowed.
    """
    stated = request.header(HEADER)
    if not stated and claim.expires is not None:
        # Some presigners move this header into the query, as they do with others.
        stated = dict(request.query).get("X-Amz-Content-Sha256", "")
    if not stated:
        if dialect is not S3:
            return None
        if claim.expires is not None:
            return UNSIGNED
        raise Malformed("InvalidRequest", f"Missing required header for this request: {HEADER}")
    if _HASH.fullmatch(stated):
        return stated
    if dialect is not S3 or stated not in _CHUNKED | {UNSIGNED}:
        raise Malformed(
            "InvalidArgument" if dialect is S3 else dialect.malformed_header,
            f"{HEADER} {stated[:60]!r} is not served here; it takes a SHA-256 in hexadecimal"
            f"{f', {UNSIGNED} or an AWS4-HMAC streaming value' if dialect is S3 else ''}.",
        )
    safe = plain_http or request.scheme == "https" or claim.expires is not None
    if stated in _UNPROTECTED and not safe and not _is_loopback(request.client):
        raise Refused(
            "AccessDenied",
            f"{stated} needs https, for nothing else protects the body; use it, or sign the body.",
        )
    return stated


async def read_whole(body: AsyncIterator[bytes], most: int) -> bytes:
    """The body in memory, where its hash is needed before anything else. Raises TooLarge."""
    blocks: list[bytes] = []
    size = 0
    async for block in body:
        size += len(block)
        if size > most:
            raise TooLarge(f"The body is larger than {most} bytes.")
        blocks.append(block)
    return b"".join(blocks)


def open_body(
    request: AwsRequest,
    claim: Claim,
    key: bytes,
    body_hash: str,
    dialect: Dialect,
    trailers: dict[str, str],
) -> AsyncIterator[bytes]:
    """The body as the caller meant it, checked while it is read.

    Act on the bytes only after the iterator has ended: it raises Refused or Malformed then at the
    latest. `trailers` is filled by that time.
    """
    if body_hash == UNSIGNED:
        return request.body
    if body_hash not in _CHUNKED:
        return _exactly(request.body, body_hash.lower(), dialect)
    seal = None
    if body_hash != UNSIGNED_TRAILER:
        seal = Seal(key, claim.timestamp, claim.scope, claim.signature)
    announced = None
    if body_hash != SIGNED_CHUNKS:
        names = request.header("x-amz-trailer").lower().split(",")
        announced = frozenset(name.strip() for name in names if name.strip())
    return decode(request.body, Framing(_decoded_length(request), seal, announced), trailers)


async def _exactly(
    body: AsyncIterator[bytes], expected: str, dialect: Dialect
) -> AsyncIterator[bytes]:
    digest = hashlib.sha256()
    async for block in body:
        digest.update(block)
        yield block
    if digest.hexdigest() != expected:
        if dialect is not S3:
            raise mismatch(dialect)
        raise Malformed(
            "XAmzContentSHA256Mismatch",
            f"The provided {HEADER} header does not match what was computed.",
        )


def _decoded_length(request: AwsRequest) -> int:
    text = request.header("x-amz-decoded-content-length")
    if not text:
        message = "You must provide the x-amz-decoded-content-length of an aws-chunked body."
        raise Malformed("MissingContentLength", message)
    if not (text.isascii() and text.isdigit()) or len(text) > 15:
        raise Malformed("InvalidArgument", "x-amz-decoded-content-length must be a whole number.")
    return int(text)


def _is_loopback(client: str) -> bool:
    try:
        return ip_address(client).is_loopback
    except ValueError:
        return False
