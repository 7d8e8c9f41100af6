"""Which wire form a request is written in, judged by the request itself."""

from typing import Literal
from urllib.parse import unquote

from gateway.aws.request import AwsRequest
from kit.errors import Unsupported

Protocol = Literal["json", "query", "rest-json", "rest-xml"]

_FORM = "application/x-www-form-urlencoded"


def refuse_other_protocols(request: AwsRequest) -> None:
    """Raises Unsupported for CBOR, which models list and some SDKs may pick."""
    protocol = request.header("smithy-protocol")
    if protocol:
        raise Unsupported(
            f"The protocol {protocol} is not served; "
            "use a client that speaks JSON, XML or the query protocol."
        )


def is_form(request: AwsRequest) -> bool:
    content_type = request.header("content-type").partition(";")[0].strip().lower()
    return request.method == "POST" and content_type == _FORM


def signing_name(request: AwsRequest) -> str | None:
    """The service of a SigV4 credential scope, from the header or a presigned query; unverified.

    SigV2 has no scope and is S3's alone. A bearer key, and no credential, have none.
    """
    authorization = request.header("authorization")
    if authorization.startswith("AWS4-"):
        _, _, rest = authorization.partition("Credential=")
        return _service_of(rest.partition(",")[0])
    if authorization.startswith("AWS "):
        return "s3"
    # Decoded leniently: a query that cannot be read is answered in its service's own form.
    for part in request.raw_query.split("&"):
        key, _, value = part.partition("=")
        name = unquote(key)
        if name == "X-Amz-Credential":
            return _service_of(unquote(value))
        if name == "AWSAccessKeyId":
            return "s3"
    return None


def _service_of(credential: str) -> str | None:
    parts = credential.strip().split("/")
    return parts[-2] if len(parts) >= 5 else None
