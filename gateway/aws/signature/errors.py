"""Why a caller was refused, under AWS's own name for it.

Every error here carries `aws_code`: the AWS door answers with that code in place of the one that it
would choose for the leaf. S3, the JSON services and the query services each have their own names.
"""

from dataclasses import dataclass

from kit.errors import InvalidRequest, PayloadTooLarge, Unauthenticated


class Refused(Unauthenticated):
    """No good credential for this request; AWS answers 403, never 401."""

    status = 403

    def __init__(self, aws_code: str, message: str) -> None:
        super().__init__(message)
        self.aws_code = aws_code


class Malformed(InvalidRequest):
    """What should carry the credential or the body is not well formed, or contradicts itself."""

    def __init__(self, aws_code: str, message: str) -> None:
        super().__init__(message)
        self.aws_code = aws_code


class TooLarge(PayloadTooLarge):
    """A body whose hash is signed, and so has to be kept, is more than is kept."""

    aws_code = "RequestEntityTooLargeException"


@dataclass(frozen=True, slots=True)
class Dialect:
    """One family of services' names for the same refusals."""

    missing: str
    unknown_key: str
    mismatch: str
    skewed: str
    expired: str
    bad_session: str
    malformed_header: str
    malformed_query: str
    ambiguous: str


S3 = Dialect(
    missing="AccessDenied",
    unknown_key="InvalidAccessKeyId",
    mismatch="SignatureDoesNotMatch",
    skewed="RequestTimeTooSkewed",
    expired="AccessDenied",
    bad_session="InvalidToken",
    malformed_header="AuthorizationHeaderMalformed",
    malformed_query="AuthorizationQueryParametersError",
    ambiguous="InvalidArgument",
)
QUERY = Dialect(
    missing="MissingAuthenticationToken",
    unknown_key="InvalidClientTokenId",
    mismatch="SignatureDoesNotMatch",
    skewed="SignatureDoesNotMatch",
    expired="SignatureDoesNotMatch",
    bad_session="InvalidClientTokenId",
    malformed_header="IncompleteSignature",
    malformed_query="IncompleteSignature",
    ambiguous="IncompleteSignature",
)
JSON = Dialect(
    missing="MissingAuthenticationTokenException",
    unknown_key="UnrecognizedClientException",
    mismatch="InvalidSignatureException",
    skewed="InvalidSignatureException",
    expired="InvalidSignatureException",
    bad_session="UnrecognizedClientException",
    malformed_header="IncompleteSignatureException",
    malformed_query="IncompleteSignatureException",
    ambiguous="IncompleteSignatureException",
)
_QUERY_SERVICES = frozenset({"sts", "iam"})


def dialect_of(service: str) -> Dialect:
    """`service` is the signing name: `s3`, `bedrock`, `sagemaker`, `sts` …"""
    if service == "s3":
        return S3
    return QUERY if service in _QUERY_SERVICES else JSON


def mismatch(dialect: Dialect) -> Refused:
    return Refused(
        dialect.mismatch,
        "The request signature we calculated does not match the signature you provided."
        " Check your secret access key and signing method.",
    )
