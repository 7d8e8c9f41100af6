"""JSON schemas of callers: checked before they reach a model server, which says less."""

from typing import Any

import jsonschema_rs

from kit.errors import InvalidRequest

_MOST_DEPTH = 64


def check_schema(schema: dict[str, Any], param: str) -> None:
    """Raises InvalidRequest that names `param` unless this is a JSON schema (draft 2020-12)."""
    if _depth(schema) > _MOST_DEPTH:
        raise InvalidRequest(f"{param} is nested too deeply.", param=param)
    try:
        jsonschema_rs.meta.validate(schema)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise InvalidRequest(f"{param} is not a JSON schema: {reason}", param=param) from error


def _depth(value: object) -> int:
    """Of lists and objects, without recursion; stops counting past what is allowed."""
    level: list[object] = [value]
    depth = 0
    while level and depth <= _MOST_DEPTH:
        depth += 1
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return depth
