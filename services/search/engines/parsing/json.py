"""JSON as lines of `key path: value`, which search and people can read."""

import json
from collections.abc import Iterator
from typing import Any

from kit.errors import InvalidRequest
from services.search.engines.parsing.charsets import decode_text
from services.search.engines.parsing.extracted import Extracted, TextBuilder
from services.search.engines.parsing.limits import ParsingLimits


def parse_json(body: bytes, limits: ParsingLimits) -> Extracted:
    source = decode_text(body, limits.characters)
    try:
        # Numbers stay as written: no precision is lost, and no huge one costs time to convert.
        value = json.loads(source, parse_int=str, parse_float=str, parse_constant=str)
    except RecursionError as error:
        raise InvalidRequest("The JSON is nested too deeply.") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InvalidRequest(f"Not valid JSON: {error.msg} at {where}.") from error
    builder = TextBuilder(limits.characters)
    for path, leaf in _leaves(value):
        builder.add(f"{path}: {leaf}\n" if path else f"{leaf}\n")
    return Extracted(builder.text())


def _leaves(root: Any) -> Iterator[tuple[str, str]]:
    stack: list[tuple[str, Any]] = [("", root)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, dict):
            prefix = f"{path}." if path else ""
            stack.extend((f"{prefix}{key}", item) for key, item in reversed(value.items()))
        elif isinstance(value, list):
            numbered = ((f"{path}[{at}]", item) for at, item in enumerate(value))
            stack.extend(reversed(list(numbered)))
        elif value is not None:
            yield path, str(value).lower() if isinstance(value, bool) else str(value)
