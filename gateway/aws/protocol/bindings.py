"""What of a REST request lies outside its body: labels of the path, query pairs and headers."""

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.aws.protocol.values import Convert, text_reader
from gateway.aws.request import AwsRequest, percent_decoded

Source = tuple[AwsRequest, Mapping[str, str]]
_Bind = Callable[[AwsRequest, Mapping[str, str]], Any]


@dataclass(frozen=True, slots=True)
class Binding:
    """Reads one member; None where the request does not carry it."""

    member: str
    read: _Bind


def bindings(shape: Any) -> list[Binding]:
    """One for each member that has a location."""
    located = (
        (name, member, member.serialization.get("location"))
        for name, member in shape.members.items()
    )
    return [
        Binding(name, _BINDERS[location](member, member.serialization.get("name", name)))
        for name, member, location in located
        if location in _BINDERS
    ]


def _label(member: Any, key: str) -> _Bind:
    convert = text_reader(member)

    def read(_: AwsRequest, labels: Mapping[str, str]) -> Any:
        raw = labels.get(key)
        return None if raw is None else _converted(percent_decoded(raw), convert)

    return read


def _query(member: Any, key: str) -> _Bind:
    if member.type_name == "map":
        return lambda request, _: dict(request.query) or None
    is_list = member.type_name == "list"
    convert = text_reader(member.member if is_list else member)

    def read(request: AwsRequest, _: Mapping[str, str]) -> Any:
        values = [_converted(value, convert) for name, value in request.query if name == key]
        if is_list:
            return values or None
        return values[0] if values else None

    return read


def _header(member: Any, key: str) -> _Bind:
    name = key.lower()
    is_list = member.type_name == "list"
    convert = text_reader(member.member if is_list else member)

    def read(request: AwsRequest, _: Mapping[str, str]) -> Any:
        value = request.by_name.get(name)
        if value is None:
            return None
        if is_list:
            return [_converted(item, convert) for item in _split(value)]
        return _converted(value, convert)

    return read


def _header_map(_: Any, key: str) -> _Bind:
    prefix = key.lower()

    def read(request: AwsRequest, _: Mapping[str, str]) -> Any:
        size = len(prefix)
        return {
            name[size:]: value for name, value in request.by_name.items() if name.startswith(prefix)
        } or None

    return read


def _split(value: str) -> list[str]:
    """A list in a header: commas part the items, quotes protect a comma inside one."""
    if '"' not in value:
        return [item.strip() for item in value.split(",")]
    return next(csv.reader([value], escapechar="\\", skipinitialspace=True))


def _converted(text: str, convert: Convert | None) -> Any:
    return text if convert is None else convert(text)


_BINDERS: dict[str | None, Callable[[Any, str], _Bind]] = {
    "uri": _label,
    "querystring": _query,
    "header": _header,
    "headers": _header_map,
}
