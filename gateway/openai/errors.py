"""Renders the error tree as the OpenAI API does."""

import orjson

from gateway.response import Response
from kit.errors import BudgetSpent, PlatformError
from kit.problems import retry_headers

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


def error_object(error: PlatformError) -> dict[str, object]:
    """The `error` member: openai-python reads these four."""
    kind = _TYPES.get(error.status)
    if kind is None:
        kind = "invalid_request_error" if error.status < 500 else "server_error"
    if isinstance(error, BudgetSpent):
        kind = "insufficient_quota"
    param = "model" if error.param == "modelId" else error.param
    return {"message": error.message, "type": kind, "param": param, "code": error.code}


def error_response(error: PlatformError) -> Response:
    headers = [(b"content-type", b"application/json")]
    headers += [(name.encode(), value.encode()) for name, value in retry_headers(error).items()]
    return Response(error.status, headers, orjson.dumps({"error": error_object(error)}))
