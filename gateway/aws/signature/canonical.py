"""The canonical form that a SigV4 signature is over, made from the raw request."""

import re
from collections.abc import Iterable
from urllib.parse import quote_from_bytes, unquote_to_bytes

from gateway.aws.request import AwsRequest

_PLAIN = re.compile(r"[A-Za-z0-9._~-]*")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9._~/-]*")
SIGNATURE_PARAMETER = "X-Amz-Signature"


def canonical_path(raw_path: str, *, is_s3: bool) -> str:
    """S3 encodes the key once and keeps it as it is; the others normalise and encode twice."""
    if is_s3:
        if _PLAIN_PATH.fullmatch(raw_path):
            return raw_path or "/"
        # Segment by segment: an encoded slash belongs to a name, and must not sign as a plain one.
        segments = [quote_from_bytes(unquote_to_bytes(s), safe="~") for s in raw_path.split("/")]
        return "/".join(segments)
    normal = _without_dots(raw_path) if "//" in raw_path or "/." in raw_path else raw_path
    return quote_from_bytes(normal.encode(), safe="/~") or "/"


def canonical_query(raw_query: str, leave_out: str = "") -> str:
    """Pairs encoded in AWS's way and sorted by name, then value; `leave_out` is one name."""
    if not raw_query:
        return ""
    pairs = []
    for part in raw_query.split("&"):
        name, _, value = part.partition("=")
        if part and (name != leave_out or not name):
            pairs.append((_encoded(name), _encoded(value)))
    pairs.sort()
    return "&".join([f"{name}={value}" for name, value in pairs])


def canonical_headers(request: AwsRequest, names: Iterable[str]) -> str:
    """`name:value` lines; values trimmed, inner runs of spaces made one, repeats joined."""
    folded = request.by_name
    if len(folded) != len(request.headers):
        folded = _folded(request.headers)
    return "".join([f"{name}:{' '.join(folded.get(name, '').split())}\n" for name in names])


def wire_bytes(text: str) -> bytes:
    """The bytes that were sent: header values were read from the wire as Latin-1."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


def _folded(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(name, []).append(" ".join(value.split()))
    return {name: ",".join(repeated) for name, repeated in values.items()}


def _encoded(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    # A plus sign reads as a space wherever this request's query is read, so it must sign as one.
    return quote_from_bytes(unquote_to_bytes(text.replace("+", " ")), safe="-_.~")


def _without_dots(path: str) -> str:
    """RFC 3986's dot segments taken out, and doubled slashes, as every AWS signer does."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    last = "/" if path.endswith("/") and kept else ""
    return "/" + "/".join(kept) + last
