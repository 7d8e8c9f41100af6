"""Short-term Bedrock API keys: a presigned URL in base64, verified here as AWS would verify it."""

import base64
import binascii

from gateway.aws.request import AwsRequest
from gateway.aws.signature.claim import Claim, read_query_claim
from gateway.aws.signature.errors import JSON, Refused

PREFIX = "bedrock-api-key-"
SERVICE = "bedrock"
_HOST = "bedrock.amazonaws.com"
_MAX_EXPIRES = 43_200  # twelve hours
_VERSION = "&Version=1"  # added after signing, so it is outside of the signature


def read_short_term(token: str) -> tuple[AwsRequest, Claim]:
    """The request that the token stands for, and its claim; the signature is yet to be checked."""
    try:
        url = base64.b64decode(token.removeprefix(PREFIX), validate=True).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise _refused("it is not base64") from error
    place, _, query = url.partition("?")
    if place.rstrip("/") != _HOST or not query.endswith(_VERSION):
        raise _refused(f"it is not a URL of {_HOST}")
    request = AwsRequest(
        "POST", "https", "/", query.removesuffix(_VERSION), (("host", _HOST),), _no_body()
    )
    if ("Action", "CallWithBearerToken") not in request.query:
        raise _refused("it is a URL for another action")
    claim = read_query_claim(request, JSON)
    if claim.expires is None or claim.expires > _MAX_EXPIRES:
        raise _refused(f"it may live for {_MAX_EXPIRES} seconds at most")
    return request, claim


class _no_body:  # noqa: N801 - it stands where an iterator's name stands
    def __aiter__(self) -> "_no_body":
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration


def _refused(why: str) -> Refused:
    return Refused("AccessDeniedException", f"This short-term API key does not verify: {why}.")
