"""Error answers in each protocol's own form."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any
from xml.sax.saxutils import escape

from gateway.aws.protocol import json_body
from gateway.aws.protocol.wire import Protocol
from gateway.response import Response, header_value


@dataclass(frozen=True, slots=True)
class WireError:
    """`resource` is what S3 repeats: the path of the request.

    `message_name` is how the error's shape writes it; SageMaker's say `Message`.
    """

    code: str
    message: str
    status: int
    members: Mapping[str, Any] = field(default_factory=dict)
    resource: str = ""
    message_name: str = "message"
    retry_after: float | None = None


def error_response(protocol: Protocol, error: WireError, request_id: str) -> Response:
    if protocol == "rest-xml":
        response = _s3(error, request_id)
    elif protocol == "query":
        response = _query(error, request_id)
    else:
        response = _json(error, named_in_body=protocol == "json")
    if error.retry_after is not None:
        response.set_default(b"retry-after", str(max(1, ceil(error.retry_after))))
    return response


def _json(error: WireError, *, named_in_body: bool) -> Response:
    body: dict[str, Any] = {error.message_name: error.message, **error.members}
    media = b"application/json"
    if named_in_body:
        body = {"__type": error.code, **body}
        media = b"application/x-amz-json-1.1"
    headers = [(b"content-type", media), (b"x-amzn-errortype", header_value(error.code))]
    return Response(error.status, headers, json_body.dump(body))


def _s3(error: WireError, request_id: str) -> Response:
    fields = {
        "Code": error.code,
        "Message": error.message,
        **error.members,
        "Resource": error.resource,
        "RequestId": request_id,
        "HostId": request_id,
    }
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{_elements(fields)}</Error>'
    return Response(error.status, [(b"content-type", b"application/xml")], body.encode())


def _query(error: WireError, request_id: str) -> Response:
    fault = "Sender" if error.status < 500 else "Receiver"
    fields = {"Type": fault, "Code": error.code, "Message": error.message, **error.members}
    body = (
        f"<ErrorResponse><Error>{_elements(fields)}</Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return Response(error.status, [(b"content-type", b"text/xml")], body.encode())


def _elements(fields: Mapping[str, Any]) -> str:
    return "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in fields.items())
