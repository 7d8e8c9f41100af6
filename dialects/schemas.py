"""JSON schemas of callers: checked before they reach a model server, which says less."""

from collections.abc import Iterable
from typing import Any

import jsonschema_rs

from dialects.references import check_references
from kit.errors import InvalidRequest

MOST_PARTS = 5000
"""Objects, lists, texts and numbers; what an answer could be held to in time is far smaller."""
MOST_OPTIONAL = 128
"""Of one object: any of them may be the next, so a grammar has a rule for every pair."""
_MOST_DEPTH = 64
_MOST_TOLD = 100
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
    names, else of 2020-12, and small enough for a grammar to be made of it."""
    _check_size(schema, param)
    draft = schema.get("$schema", _LATEST)
    validator = _VALIDATORS.get(draft.rstrip("#")) if isinstance(draft, str) else None
    if validator is None:
        raise InvalidRequest(f"{param}: the draft in $schema is not known.", param=param)
    try:
        validator.validate(schema)
    except (jsonschema_rs.ValidationError, ValueError) as error:
        reason = _cut(str(error).partition("\n")[0])
        raise InvalidRequest(f"{param} is not a JSON schema: {reason}", param=param) from error
    check_references(schema, param)


def _cut(reason: str) -> str:
    """It begins with what is wrong, whole, and ends with why."""
    if len(reason) <= 2 * _MOST_TOLD:
        return reason
    return f"{reason[:_MOST_TOLD]} … {reason[-_MOST_TOLD:]}"


def _check_size(schema: dict[str, Any], param: str) -> None:
    """Level by level; what a compiler of grammars makes of a schema can take its size cubed."""
    level: list[Any] = [schema]
    depth = parts = 0
    while level:
        depth, parts = depth + 1, parts + len(level)
        if depth > _MOST_DEPTH:
            raise InvalidRequest(f"{param} is nested too deeply.", param=param)
        if parts > MOST_PARTS:
            raise InvalidRequest(f"{param} has more than {MOST_PARTS} parts.", param=param)
        if any(_optional(part) > MOST_OPTIONAL for part in level):
            raise InvalidRequest(
                f"{param} has an object with more than {MOST_OPTIONAL} properties that are not "
                "required.",
                param=param,
            )
        level = [inner for part in level for inner in _within(part)]


def _within(part: object) -> Iterable[Any]:
    if isinstance(part, dict):
        return part.values()
    return part if isinstance(part, list) else ()


def _optional(part: object) -> int:
    properties = part.get("properties") if isinstance(part, dict) else None
    if not isinstance(properties, dict) or len(properties) <= MOST_OPTIONAL:
        return 0
    required = part.get("required") if isinstance(part, dict) else None
    names = {one for one in _within(required) if isinstance(one, str)}
    return len(properties.keys() - names)
