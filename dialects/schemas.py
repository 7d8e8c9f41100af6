"""JSON schemas of callers: checked before they reach a model server, which says less."""

from typing import Any

import jsonschema_rs

from kit.errors import InvalidRequest

_MOST_DEPTH = 64
_LATEST = "https://json-schema.org/draft/2020-12/schema"
_DRAFTS = {
    "http://json-schema.org/draft-04/schema": jsonschema_rs.Draft4Validator,
    "http://json-schema.org/draft-06/schema": jsonschema_rs.Draft6Validator,
    "http://json-schema.org/draft-07/schema": jsonschema_rs.Draft7Validator,
    "https://json-schema.org/draft/2019-09/schema": jsonschema_rs.Draft201909Validator,
    _LATEST: jsonschema_rs.Draft202012Validator,
}
_VALIDATORS = {name: draft({"$ref": name}) for name, draft in _DRAFTS.items()}
"""Of schemas; they are data to these, so that nothing that one refers to is fetched."""


def check_schema(schema: dict[str, Any], param: str) -> None:
    """Raises InvalidRequest that names `param` unless this is a JSON schema, of the draft that it
    names, else of 2020-12."""
    if _depth(schema) > _MOST_DEPTH:
        raise InvalidRequest(f"{param} is nested too deeply.", param=param)
    draft = schema.get("$schema", _LATEST)
    validator = _VALIDATORS.get(draft.rstrip("#")) if isinstance(draft, str) else None
    if validator is None:
        raise InvalidRequest(f"{param}: the draft in $schema is not known.", param=param)
    try:
        validator.validate(schema)
    except (jsonschema_rs.ValidationError, ValueError) as error:
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
