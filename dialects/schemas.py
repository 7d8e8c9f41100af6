"""JSON schemas of callers: checked before they reach a model server, which says less."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

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
    _check_references(schema, param)


def _check_references(schema: dict[str, Any], param: str) -> None:
    """A reference must lead to something in the same schema, and not back to itself alone.

    Each is followed once, however many lead to it: chains of thousands fit into a request.
    """
    sound: set[int] = set()
    for part in _objects(schema):
        way: set[int] = set()
        while id(part) not in sound and isinstance(reference := part.get("$ref"), str):
            if not reference.startswith("#"):
                raise InvalidRequest(
                    f"{param} refers to {reference[:100]!r}; it must stand in the schema itself.",
                    param=param,
                )
            if id(part) in way:
                raise InvalidRequest(f"{param}: {reference[:100]!r} leads to itself.", param=param)
            way.add(id(part))
            if reference[1:2] not in ("", "/"):
                break  # an anchor, which the engine looks up
            part = _pointed(schema, reference, param)
        sound |= way


def _pointed(schema: dict[str, Any], reference: str, param: str) -> dict[str, Any]:
    found: Any = schema
    for name in unquote(reference[1:]).split("/")[1:]:
        name = name.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        elif isinstance(found, dict) and name in found:
            found = found[name]
        else:
            raise InvalidRequest(f"{param}: {reference[:100]!r} leads nowhere.", param=param)
    return found if isinstance(found, dict) else {}


def _objects(value: object) -> Iterator[dict[str, Any]]:
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            yield one
            left += one.values()
        elif isinstance(one, list):
            left += one


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
