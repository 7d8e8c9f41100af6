"""Checks the input of an OpenAI batch as a whole, before any of it is run."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import orjson

from kit.errors import InvalidRequest
from kit.json_size import MOST_VALUES, is_crowded
from workers.batch.wire import BatchRefused, Line

MOST_LINES = 50_000
_MOST_ERRORS = 100


async def check_lines(lines: AsyncGenerator[Line, None], endpoint: str) -> int:
    """How many there are. Raises BatchRefused that tells of up to a hundred lines."""
    errors: list[dict[str, Any]] = []
    seen: set[str] = set()
    total = 0
    try:
        async with aclosing(lines):
            async for line in lines:
                total += 1
                wrong = _wrong(line.raw, endpoint, seen)
                if wrong is not None and len(errors) < _MOST_ERRORS:
                    code, message, param = wrong
                    errors.append(_error(code, message, param, line.number))
                if total > MOST_LINES:
                    message = f"A batch may have {MOST_LINES} requests."
                    raise _refused([_error("too_many_requests", message)])
    except InvalidRequest as error:
        if isinstance(error, BatchRefused):
            raise
        raise _refused([_error("invalid_json_line", error.message)]) from error
    if total == 0:
        raise _refused([_error("empty_file", "The input file has no requests.")])
    if errors:
        raise _refused(errors)
    return total


def _wrong(raw: bytes, endpoint: str, seen: set[str]) -> tuple[str, str, str | None] | None:
    """A code, a message and a member; None where the line can be run."""
    if is_crowded(raw):
        return "invalid_json_line", f"This line has more than {MOST_VALUES} values.", None
    try:
        asked = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return "invalid_json_line", "This line is not parseable as valid JSON.", None
    if not isinstance(asked, dict):
        return "invalid_json_line", "This line is not a JSON object.", None
    name = asked.get("custom_id")
    if not isinstance(name, str) or not name:
        return "missing_required_parameter", "custom_id must be a string.", "custom_id"
    if name in seen:
        return "duplicate_custom_id", f"The custom_id {name!r} came before.", "custom_id"
    seen.add(name)
    if asked.get("method") != "POST":
        return "invalid_method", "method must be POST.", "method"
    if asked.get("url") != endpoint:
        return "mismatched_endpoint", f"url must be the batch's endpoint, {endpoint}.", "url"
    if not isinstance(asked.get("body"), dict):
        return "missing_required_parameter", "body must be an object.", "body"
    return None


def _error(
    code: str, message: str, param: str | None = None, line: int | None = None
) -> dict[str, Any]:
    return {"code": code, "message": message, "param": param, "line": line}


def _refused(errors: list[dict[str, Any]]) -> BatchRefused:
    return BatchRefused("The input of the batch cannot be run.", {"errors": errors})
