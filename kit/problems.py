"""problem+json: the form in which services and the REST door tell of an error, both ways."""

from typing import Any

import orjson

from kit.errors import LEAVES, PlatformError, UpstreamFailed

MEDIA_TYPE = "application/problem+json"


def problem(error: PlatformError, request_id: str = "") -> dict[str, Any]:
    """RFC 9457 members plus `code`, `param`, `retry_after` (seconds) and `request_id`."""
    body: dict[str, Any] = {
        "type": f"urn:undercroft:error:{error.code}",
        "title": error.code.replace("_", " ").capitalize(),
        "status": error.status,
        "detail": error.message,
        "code": error.code,
        "param": error.param,
        "request_id": request_id,
    }
    if error.retry_after is not None:
        body["retry_after"] = error.retry_after
    return body


_LINE = b'{"problem":'


def problem_line(error: PlatformError) -> bytes:
    """The last line of an NDJSON stream that broke."""
    return orjson.dumps({"problem": problem(error)}) + b"\n"


def raise_problem_line(line: bytes) -> None:
    """Raises what a line tells of, if it is a problem's."""
    if line.startswith(_LINE):
        told = orjson.loads(line)["problem"]
        raise from_problem(int(told["status"]), orjson.dumps(told))


def retry_headers(error: PlatformError) -> dict[str, str]:
    """`Retry-After` in whole seconds, at least one, where the error says when to come back."""
    if error.retry_after is None:
        return {}
    return {"retry-after": str(max(1, round(error.retry_after + 0.499)))}


def from_problem(status: int, body: bytes) -> PlatformError:
    """The leaf that a service raised, rebuilt from its answer."""
    try:
        told = orjson.loads(body)
        leaf = LEAVES[told["code"]]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return UpstreamFailed(f"A service answered {status} in a form that is not its own.")
    return leaf(told["detail"], param=told.get("param"), retry_after=told.get("retry_after"))
