"""JSON schemas of callers: checked before they reach a model server, which says less."""

from collections.abc import Iterable, Iterator
from typing import Any

import jsonschema_rs

from dialects.references import Part, check_references, containers_in
from kit.errors import InvalidRequest

MOST_PARTS = 5000
"""Objects, lists, texts and numbers; what an answer could be held to in time is far smaller."""
MOST_TOGETHER = 20_000
"""Of all tools of a request."""
MOST_OPTIONAL = 128
"""Of one object: any of them may be the next, so a grammar has a rule for every pair."""
_MOST_COUNTED = 32
"""The same where an object must have so many of them: a rule for every pair and number."""
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


def check_together(schemas: Iterable[dict[str, Any]], param: str) -> None:
    """Raises InvalidRequest where schemas that were taken one by one are too much for one request,
    whose grammar may be of all of them."""
    parts = sum(len(part) for schema in schemas for level in _levels(schema) for part in level)
    if parts > MOST_TOGETHER:
        raise InvalidRequest(f"{param} have more than {MOST_TOGETHER} parts.", param=param)


def _check_size(schema: dict[str, Any], param: str) -> None:
    """What a compiler of grammars makes of a schema can take its size cubed."""
    parts = 0
    for depth, level in enumerate(_levels(schema)):
        parts += sum(map(len, level))
        if depth == _MOST_DEPTH:
            raise InvalidRequest(f"{param} is nested too deeply.", param=param)
        if parts > MOST_PARTS:
            raise InvalidRequest(f"{param} has more than {MOST_PARTS} parts.", param=param)
        for part in level:
            if isinstance(part, dict):
                _check_properties(part, param)


def _levels(schema: dict[str, Any]) -> Iterator[list[Part]]:
    """Its lists and objects by how deep they lie."""
    level: list[Part] = [schema]
    while level:
        yield level
        level = [inner for part in level for inner in containers_in(part)]


def _check_properties(part: dict[str, Any], param: str) -> None:
    properties, required = part.get("properties"), part.get("required")
    if not isinstance(properties, dict) or len(properties) <= _MOST_COUNTED:
        return
    names = {one for one in required if isinstance(one, str)} if isinstance(required, list) else ()
    is_counted = "minProperties" in part or "maxProperties" in part
    most = _MOST_COUNTED if is_counted else MOST_OPTIONAL
    if len(properties.keys() - names) > most:
        raise InvalidRequest(
            f"{param} has an object with more than {most} properties that are not required"
            f"{', which it wants to be counted' if is_counted else ''}.",
            param=param,
        )
