"""JSON bodies: closures compiled from a shape that turn parsed JSON into parameters and back.

A shape that needs no conversion compiles to None, and its values are used as they are.
"""

from collections.abc import Callable
from typing import Any

import orjson

from gateway.aws.protocol.failures import SerializationFailed
from gateway.aws.protocol.values import Convert, read_blob, read_timestamp, write_blob
from gateway.aws.protocol.values import write_timestamp as _write_timestamp
from kit.json_size import CROWDED, is_crowded

_Leaf = Callable[[Any], Convert | None]


def load(body: bytes) -> dict[str, Any]:
    """The object in a body; an empty body is an empty object."""
    if not body:
        return {}
    if is_crowded(body):
        raise SerializationFailed(f"The body has {CROWDED}.")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise SerializationFailed(f"The body is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise SerializationFailed("The body must be a JSON object.")
    return value


def dump(value: Any) -> bytes:
    return orjson.dumps(value)


def reader(shape: Any) -> Convert | None:
    """Drops unknown members and nulls, as AWS does; wrong types pass, for validation to name."""
    return _compile(shape, {}, _read_structure, _read_leaf)


def writer(shape: Any) -> Convert | None:
    """Raises KeyError for a member that the shape lacks: a bug of the handler."""
    return _compile(shape, {}, _write_structure, _write_leaf)


def _compile(shape: Any, known: dict[str, Convert], structure: Any, leaf: _Leaf) -> Convert | None:
    kind = shape.type_name
    if kind == "structure":
        if shape.is_document_type:
            return None
        if shape.name not in known:
            known[shape.name] = lambda value: done(value)
            done = structure(shape, lambda member: _compile(member, known, structure, leaf))
            known[shape.name] = done
        return known[shape.name]
    if kind in ("list", "map"):
        inner = _compile(shape.member if kind == "list" else shape.value, known, structure, leaf)
        if inner is None:
            return None
        return _each(inner) if kind == "list" else _each_value(inner)
    return leaf(shape)


def _each(convert: Convert) -> Convert:
    def items(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            return value
        return [None if item is None else convert(item) for item in value]

    return items


def _each_value(convert: Convert) -> Convert:
    def values(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {key: None if item is None else convert(item) for key, item in value.items()}

    return values


def _wire_name(name: str, member: Any) -> str:
    return str(member.serialization.get("name", name))


def _body_members(shape: Any) -> list[tuple[str, Any]]:
    return [
        (name, member)
        for name, member in shape.members.items()
        if "location" not in member.serialization
    ]


def _read_structure(shape: Any, compile_member: _Leaf) -> Convert:
    fields = {
        _wire_name(name, member): (name, compile_member(member))
        for name, member in _body_members(shape)
    }

    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        members = {}
        for key, item in value.items():
            known = fields.get(key)
            if known is not None and item is not None:
                name, convert = known
                members[name] = item if convert is None else convert(item)
        return members

    return read


def _write_structure(shape: Any, compile_member: _Leaf) -> Convert:
    fields = {
        name: (_wire_name(name, member), compile_member(member))
        for name, member in _body_members(shape)
    }

    def write(value: Any) -> Any:
        members = {}
        for name, item in value.items():
            if item is not None:
                key, convert = fields[name]
                members[key] = item if convert is None else convert(item)
        return members

    return write


def _read_leaf(shape: Any) -> Convert | None:
    return {"blob": read_blob, "timestamp": read_timestamp}.get(shape.type_name)


def _write_leaf(shape: Any) -> Convert | None:
    if shape.type_name == "timestamp":
        form = shape.serialization.get("timestampFormat", "unixTimestamp")
        return lambda value: _write_timestamp(value, form)
    return write_blob if shape.type_name == "blob" else None
