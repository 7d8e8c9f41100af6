"""The one way in: who signed an AWS request, and its body held to what was signed."""

import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from time import time

from gateway.aws.request import AwsRequest
from gateway.aws.signature.bedrock_bearer import PREFIX, SERVICE, read_short_term
from gateway.aws.signature.claim import Claim, read_header_claim, read_query_claim
from gateway.aws.signature.errors import (
    JSON,
    S3,
    Dialect,
    Malformed,
    Refused,
    dialect_of,
)
from gateway.aws.signature.lookup import SESSION_TOKEN, Keys, secret_for
from gateway.aws.signature.payload import open_body, read_whole, signed_hash
from gateway.aws.signature.post_upload import PostUpload, authenticate_post
from gateway.aws.signature.sigv2 import check_v2, read_v2_claim
from gateway.aws.signature.sigv4 import check_signature, check_terms
from kit.auth.principal import Principal
from kit.errors import Unauthenticated

_MOST_BUFFERED = 64 * 2**20
_EMPTY_HASH = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Who calls. Read `body` to its end before you act on it: it raises if it is not as signed.

    `trailers` (such as `x-amz-checksum-crc32`) is filled by then; their values are the caller's to
    compare. `length` is that of the decoded body, where the client stated it.
    """

    principal: Principal
    body: AsyncIterator[bytes]
    length: int | None = None
    trailers: dict[str, str] = field(default_factory=dict)


class Authenticator:
    """Raises errors of `gateway.aws.signature.errors`, each with AWS's name in `aws_code`."""

    def __init__(
        self,
        keys: Keys,
        *,
        clock: Callable[[], float] = time,
        allow_unsigned_over_http: bool = False,
        most_buffered: int = _MOST_BUFFERED,
    ) -> None:
        self._keys, self._clock = keys, clock
        self._plain_http = allow_unsigned_over_http
        self._most_buffered = most_buffered

    async def authenticate(
        self, request: AwsRequest, *, service: str, bucket_path: str = ""
    ) -> Authenticated:
        """`service` is the signing name of the operation asked for: `s3`, `bedrock`, `sts` …

        `bucket_path` is the raw path with the bucket before it, where S3's bucket is in the host.
        """
        dialect = dialect_of(service)
        authorization = request.header("authorization")
        in_query_v4 = "X-Amz-Signature=" in request.raw_query
        in_query_v2 = "AWSAccessKeyId=" in request.raw_query
        if bool(authorization) + in_query_v4 + in_query_v2 > 1:
            raise Malformed(dialect.ambiguous, "Only one auth mechanism is allowed in a request.")
        if in_query_v4:
            claim = read_query_claim(request, dialect)
            return await self._v4(request, claim, service, dialect)
        if in_query_v2 and dialect is S3:
            return await self._v2(request, bucket_path or request.raw_path)
        scheme, _, credential = authorization.partition(" ")
        if scheme.lower() == "bearer":
            return await self._bearer(request, credential.strip(), service, dialect)
        if not authorization or in_query_v2:
            raise Refused(dialect.missing, "This request is not signed: sign it with an AWS key.")
        claim = read_header_claim(request, dialect)
        return await self._v4(request, claim, service, dialect)

    async def by_bearer(self, token: str) -> Principal:
        """Of one of the platform's keys, or of a short-term one, which opens Bedrock only."""
        if not token.startswith(PREFIX):
            return await self._keys.by_bearer(token)
        signed, claim = read_short_term(token)
        check_terms(signed, claim, SERVICE, self._clock(), JSON)
        secret, principal = await self._secret(signed, claim.access_key, JSON)
        check_signature(signed, claim, secret, _EMPTY_HASH, JSON)
        return principal

    async def authenticate_post(self, request: AwsRequest, bucket: str) -> PostUpload:
        """A browser's form upload to `bucket`, which the path names: signed by its policy."""
        return await authenticate_post(request, bucket, self._keys, self._clock())

    async def _v4(
        self, request: AwsRequest, claim: Claim, service: str, dialect: Dialect
    ) -> Authenticated:
        check_terms(request, claim, service, self._clock(), dialect)
        secret, principal = await self._secret(request, claim.access_key, dialect)
        body_hash = signed_hash(request, claim, dialect, plain_http=self._plain_http)
        if body_hash is None:
            return await self._v4_buffered(request, claim, secret, principal, dialect)
        key = check_signature(request, claim, secret, body_hash, dialect)
        trailers: dict[str, str] = {}
        body = open_body(request, claim, key, body_hash, dialect, trailers)
        return Authenticated(principal, body, _length(request), trailers)

    async def _v4_buffered(
        self, request: AwsRequest, claim: Claim, secret: str, principal: Principal, dialect: Dialect
    ) -> Authenticated:
        """Bedrock, SageMaker and most others sign the body's hash without stating it."""
        body = await read_whole(request.body, self._most_buffered)
        body_hash = hashlib.sha256(body).hexdigest() if body else _EMPTY_HASH
        check_signature(request, claim, secret, body_hash, dialect)
        return Authenticated(principal, _once(body), len(body))

    async def _v2(self, request: AwsRequest, path: str) -> Authenticated:
        claim = read_v2_claim(request)
        secret, principal = await self._secret(request, claim.access_key, S3)
        check_v2(request, claim, secret, self._clock(), path)
        return Authenticated(principal, request.body, _length(request))

    async def _bearer(
        self, request: AwsRequest, token: str, service: str, dialect: Dialect
    ) -> Authenticated:
        if token.startswith(PREFIX) and service == SERVICE:
            principal = await self.by_bearer(token)
        else:
            try:
                principal = await self._keys.by_bearer(token)
            except Unauthenticated as error:
                code = "AccessDenied" if dialect is S3 else "AccessDeniedException"
                raise Refused(code, f"Authentication failed: {error.message}") from error
        return Authenticated(principal, request.body, _length(request))

    async def _secret(
        self, request: AwsRequest, access_key: str, dialect: Dialect
    ) -> tuple[str, Principal]:
        in_session = SESSION_TOKEN in request.by_name
        if not in_session and "ecurity" in request.raw_query:
            in_session = any(name.lower() == SESSION_TOKEN for name, _ in request.query)
        return await secret_for(self._keys, access_key, dialect, in_session=in_session)


def _length(request: AwsRequest) -> int | None:
    text = request.header("x-amz-decoded-content-length") or request.header("content-length")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


async def _once(body: bytes) -> AsyncIterator[bytes]:
    if body:
        yield body
