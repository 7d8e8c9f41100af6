"""Verifies Signature Version 4, in the header or presigned in the query, on the raw request."""

import hashlib
import hmac
from functools import lru_cache

from gateway.aws.request import AwsRequest
from gateway.aws.signature.canonical import (
    SIGNATURE_PARAMETER,
    canonical_headers,
    canonical_path,
    canonical_query,
    wire_bytes,
)
from gateway.aws.signature.claim import ALGORITHM, Claim
from gateway.aws.signature.errors import S3, Dialect, Malformed, Refused, mismatch

MAX_SKEW = 900  # seconds either way


def check_terms(
    request: AwsRequest, claim: Claim, service: str, now: float, dialect: Dialect
) -> None:
    """Refuses what no signature could make right: scope, age, and headers left unsigned."""
    if claim.service != service:
        raise Malformed(
            dialect.malformed_header if claim.expires is None else dialect.malformed_query,
            f"The credential is scoped to {claim.service!r}; this operation needs {service!r}.",
        )
    _check_age(claim, now, dialect)
    unsigned = [
        name
        for name in request.by_name
        if name.startswith("x-amz-") and name not in claim.signed_headers
    ]
    if unsigned:
        raise Refused(
            "AccessDenied" if dialect is S3 else dialect.mismatch,
            f"There were headers present in the request which were not signed: {unsigned[0]}.",
        )


def check_signature(
    request: AwsRequest, claim: Claim, secret: str, payload_hash: str, dialect: Dialect
) -> bytes:
    """Raises Refused unless the secret made this signature; returns the key that signs chunks."""
    is_s3 = dialect is S3
    signed_headers = ";".join(claim.signed_headers)
    leave_out = "" if claim.expires is None else SIGNATURE_PARAMETER
    canonical = (
        f"{request.method}\n{canonical_path(request.raw_path, is_s3=is_s3)}\n"
        f"{canonical_query(request.raw_query, leave_out)}\n"
        f"{canonical_headers(request, claim.signed_headers)}\n{signed_headers}\n{payload_hash}"
    )
    digest = hashlib.sha256(wire_bytes(canonical)).hexdigest()
    to_sign = f"{ALGORITHM}\n{claim.timestamp}\n{claim.scope}\n{digest}"
    key = signing_key(secret, claim.date, claim.region, claim.service)
    if not same(sign(key, to_sign), claim.signature):
        raise mismatch(dialect)
    return key


@lru_cache(maxsize=4096)
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """A key derived for a day, a region and a service; good until that day's requests end."""
    key = b"AWS4" + secret.encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def sign(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode(), "sha256").hex()


def same(ours: str, theirs: str) -> bool:
    """Compares in constant time; any text may come from outside."""
    return hmac.compare_digest(ours.encode(), theirs.encode("utf-8", "replace"))


def _check_age(claim: Claim, now: float, dialect: Dialect) -> None:
    if claim.expires is None:
        if abs(now - claim.signed_at) > MAX_SKEW:
            raise Refused(
                dialect.skewed,
                "The difference between the request time and the current time is too large:"
                f" it was signed at {claim.timestamp}; set this machine's clock.",
            )
    elif claim.signed_at - now > MAX_SKEW:
        raise Refused(dialect.expired, f"Request is not valid before {claim.timestamp}.")
    elif now > claim.signed_at + claim.expires:
        raise Refused(
            dialect.expired,
            f"Request has expired: {claim.expires} s after {claim.timestamp}; presign a new one.",
        )
