"""The error tree as OpenAI's error object."""

from kit.errors import PlatformError

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
    param = "model" if error.param == "modelId" else error.param
    return {"message": error.message, "type": kind, "param": param, "code": error.code}
