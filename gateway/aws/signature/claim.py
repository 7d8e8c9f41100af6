"""What a SigV4 request claims about itself, taken apart from its header or its query."""

import calendar
import datetime
import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import lru_cache
from urllib.parse import unquote

from gateway.aws.request import AwsRequest
from gateway.aws.signature.errors import Dialect, Malformed

ALGORITHM = "AWS4-HMAC-SHA256"
MAX_EXPIRES = 604_800  # seven days, AWS's bound on a presigned URL
_LONGEST = 4096  # of a part that is remembered
_QUERY_PREFIX = "X-Amz-"
_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} +Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([^,\s]+)\s*"
)


@dataclass(frozen=True, slots=True)
class Claim:
    """`timestamp` is `YYYYMMDDTHHMMSSZ`, `signed_at` the same in UNIX seconds.

    `expires` is None for a header, and seconds from `signed_at` for a presigned URL.
    """

    access_key: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str
    timestamp: str
    signed_at: int
    expires: int | None = None

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


def read_header_claim(request: AwsRequest, dialect: Dialect) -> Claim:
    """From `Authorization: AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`."""

    def malformed(why: str) -> Malformed:
        return Malformed(dialect.malformed_header, f"The authorization header is malformed: {why}.")

    authorization = request.header("authorization")
    fields = _AUTHORIZATION.fullmatch(authorization)
    if fields is None:
        algorithm = authorization.partition(" ")[0][:40]
        if algorithm != ALGORITHM:
            raise malformed(f"{algorithm!r} is not supported, sign with {ALGORITHM}")
        raise malformed("it needs Credential, SignedHeaders and Signature, in this order")
    credential, names, signature = fields.groups()
    try:
        signed_headers = _signed_headers(names)
        timestamp = _header_time(request, signed_headers)
        return make_claim(credential, signed_headers, signature, timestamp)
    except ValueError as error:
        raise malformed(str(error)) from error


def read_query_claim(request: AwsRequest, dialect: Dialect) -> Claim:
    """From the `X-Amz-…` parameters of a presigned URL."""
    fields: dict[str, str] = {}
    for part in request.raw_query.split("&"):
        if part.startswith(_QUERY_PREFIX):
            name, _, value = part.partition("=")
            if name in fields:
                raise Malformed(dialect.malformed_query, f"{name} is given twice.")
            fields[name] = unquote(value)
    if fields.get("X-Amz-Algorithm") != ALGORITHM:
        raise Malformed(dialect.malformed_query, f"X-Amz-Algorithm only supports {ALGORITHM}.")
    try:
        expires = _expires(fields.get("X-Amz-Expires", ""))
        signed_headers = _signed_headers(fields.get("X-Amz-SignedHeaders", ""))
        credential, date = fields.get("X-Amz-Credential", ""), fields.get("X-Amz-Date", "")
        signature = fields.get("X-Amz-Signature", "")
        return make_claim(credential, signed_headers, signature, date, expires)
    except ValueError as error:
        message = f"The query-string authentication is malformed: {error}."
        raise Malformed(dialect.malformed_query, message) from error


def make_claim(
    credential: str,
    signed_headers: tuple[str, ...],
    signature: str,
    timestamp: str,
    expires: int | None = None,
) -> Claim:
    """Raises ValueError with a sentence on the part that is malformed."""
    key, date, region, service = _scope(credential)
    signed_at = parse_timestamp(timestamp)
    if timestamp[:8] != date:
        raise ValueError("the date of the credential's scope is not the date of the request")
    if len(signature) != 64:
        raise ValueError("Signature must be 64 hexadecimal digits")
    return Claim(
        key, date, region, service, signed_headers, signature, timestamp, signed_at, expires
    )


# A client's requests differ in little but the signature, so what repeats is parsed once.


@lru_cache(maxsize=4096)
def _scope(credential: str) -> tuple[str, str, str, str]:
    parts = credential.split("/") if len(credential) <= _LONGEST else ()
    if len(parts) != 5 or not all(parts) or parts[4] != "aws4_request":
        raise ValueError("Credential must be KEY/YYYYMMDD/REGION/SERVICE/aws4_request")
    return parts[0], parts[1], parts[2], parts[3]


@lru_cache(maxsize=256)
def parse_timestamp(text: str) -> int:
    """UNIX seconds of `YYYYMMDDTHHMMSSZ`. Raises ValueError."""
    clock = text[9:15]
    if len(text) != 16 or text[8] != "T" or text[15] != "Z" or not _ascii_digits(clock):
        raise ValueError("the date must be in ISO 8601 basic form, YYYYMMDDTHHMMSSZ")
    hours, minutes, seconds = int(clock[:2]), int(clock[2:4]), int(clock[4:])
    if hours > 23 or minutes > 59 or seconds > 60:
        raise ValueError("the date has no such hour, minute or second")
    return _midnight(text[:8]) + hours * 3600 + minutes * 60 + seconds


@lru_cache(maxsize=64)
def _midnight(day: str) -> int:
    if not _ascii_digits(day):
        raise ValueError("the date must start with YYYYMMDD")
    date = datetime.date(int(day[:4]), int(day[4:6]), int(day[6:]))
    return calendar.timegm(date.timetuple())


def _header_time(request: AwsRequest, signed_headers: tuple[str, ...]) -> str:
    """The signed time: `x-amz-date`, or `date` where that is missing."""
    timestamp = request.header("x-amz-date")
    if timestamp:
        return timestamp
    if "date" not in signed_headers:
        raise ValueError("it needs a signed X-Amz-Date or Date header")
    date = parsedate_to_datetime(request.header("date"))
    return date.astimezone(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")


@lru_cache(maxsize=1024)
def _signed_headers(text: str) -> tuple[str, ...]:
    if len(text) > _LONGEST:
        raise ValueError(f"SignedHeaders is longer than {_LONGEST} characters")
    names = tuple(text.split(";"))
    if "host" not in names:
        raise ValueError("SignedHeaders must include host")
    if list(names) != sorted(set(names)) or text != text.lower():
        raise ValueError("SignedHeaders must be in lower case, sorted, each once")
    return names


def _expires(text: str) -> int:
    if not _ascii_digits(text) or len(text) > 6 or not 1 <= int(text) <= MAX_EXPIRES:
        raise ValueError(f"X-Amz-Expires must be 1 to {MAX_EXPIRES} seconds")
    return int(text)


def _ascii_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()
