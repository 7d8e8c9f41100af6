"""The query protocol's form: parameters flattened into `Tags.member.1.Key=...` names."""

from typing import Any
from urllib.parse import parse_qsl

from gateway.aws.protocol.failures import SerializationFailed
from gateway.aws.protocol.values import text_reader

_MOST_ITEMS = 10_000


class Form:
    """The fields, and every dotted prefix of them, so that a nested value is found at once."""

    def __init__(self, fields: dict[str, str]) -> None:
        self.fields = fields
        self.prefixes = {prefix for name in fields for prefix in _prefixes(name)}

    def has(self, name: str) -> bool:
        return name in self.fields or name in self.prefixes


def load(body: bytes, query: tuple[tuple[str, str], ...]) -> Form:
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=_MOST_ITEMS, errors="strict"
        )
    except ValueError as error:
        raise SerializationFailed(f"The form in the body cannot be read: {error}") from error
    return Form({**dict(query), **dict(pairs)})


def read(shape: Any, form: Form, prefix: str = "") -> Any:
    """The value at a prefix; the caller has seen that it is there."""
    kind = shape.type_name
    if kind == "structure":
        return _structure(shape, form, prefix)
    if kind == "list":
        return _list(shape, form, prefix)
    if kind == "map":
        return _map(shape, form, prefix)
    convert = text_reader(shape)
    text = form.fields.get(prefix, "")
    return text if convert is None else convert(text)


def _structure(shape: Any, form: Form, prefix: str) -> dict[str, Any]:
    found = {}
    for name, member in shape.members.items():
        wire = member.serialization.get("name", name)
        place = f"{prefix}.{wire}" if prefix else wire
        if form.has(place):
            found[name] = read(member, form, place)
    return found


def _list(shape: Any, form: Form, prefix: str) -> list[Any]:
    item = shape.member
    place = prefix
    if shape.serialization.get("flattened"):
        name = item.serialization.get("name")
        place = ".".join([*prefix.split(".")[:-1], name]) if name else prefix
    else:
        place = f"{prefix}.{item.serialization.get('name', 'member')}"
    return [read(item, form, f"{place}.{index}") for index in _indices(form, place)]


def _map(shape: Any, form: Form, prefix: str) -> dict[str, Any]:
    place = prefix if shape.serialization.get("flattened") else f"{prefix}.entry"
    key = shape.key.serialization.get("name", "key")
    value = shape.value.serialization.get("name", "value")
    return {
        form.fields.get(f"{place}.{index}.{key}", ""): read(
            shape.value, form, f"{place}.{index}.{value}"
        )
        for index in _indices(form, place)
    }


def _indices(form: Form, place: str) -> range:
    index = 1
    while form.has(f"{place}.{index}"):
        index += 1
    return range(1, index)


def _prefixes(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(1, min(len(parts), 64))]
