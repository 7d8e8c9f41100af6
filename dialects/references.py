"""References within a caller's JSON schema: each must lead to something, and not too deep."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import unquote

from kit.errors import InvalidRequest

MOST_LEVELS = 256
"""Compilers of grammars follow references by calls within calls, whose stack has an end."""
_REFERENCES = ("$ref", "$dynamicRef")
_ANCHORS = ("$anchor", "$dynamicAnchor")
_IDS = ("$id", "id")
"""These name a place where they begin with `#`, in drafts before there were anchors."""

Part: TypeAlias = dict[str, Any] | list[Any]
_CONTAINERS = (dict, list)


def check_references(schema: dict[str, Any], param: str) -> None:
    """Raises InvalidRequest for one that leads out of the schema, nowhere, or back to itself alone;
    and where more than MOST_LEVELS lie in one another once all are followed."""
    references = _References(schema, param)
    references.check_loops()
    references.check_levels()


class _References:
    """Follows each once, however many parts of the schema lead to it."""

    def __init__(self, schema: dict[str, Any], param: str) -> None:
        self._schema, self._param = schema, param
        self._objects = list(_objects(schema))
        self._anchors = dict(_anchors(self._objects))

    def check_loops(self) -> None:
        sound: set[int] = set()
        for part in self._objects:
            way: set[int] = set()
            at: object = part
            while isinstance(at, dict) and id(at) not in sound:
                if id(at) in way:
                    raise self._wrong(f"{at['$ref'][:100]!r} leads to itself.")
                way.add(id(at))
                at = self._led(at["$ref"]) if isinstance(at.get("$ref"), str) else None
            sound |= way

    def check_levels(self) -> None:
        """A way that comes back to where it was ends there: schemas of trees have such."""
        below: dict[int, int] = {}
        """How many levels each part has, whose own parts have all been seen."""
        begun = {id(self._schema)}
        way = [_Step(self._schema, self._parts_of(self._schema))]
        while way:
            step = way[-1]
            inner = next(step.left, None)
            if inner is None:
                below[id(step.part)] = step.levels
                way.pop()
                if way:
                    way[-1].holds(step.levels)
            elif id(inner) in begun:
                step.holds(below.get(id(inner), 0))
            else:
                begun.add(id(inner))
                way.append(_Step(inner, self._parts_of(inner)))
            if len(way) > MOST_LEVELS or (way and way[-1].levels > MOST_LEVELS):
                raise self._wrong(f"its references lead more than {MOST_LEVELS} levels deep.")

    def _parts_of(self, part: Part) -> Iterator[Part]:
        yield from containers_in(part)
        if not isinstance(part, dict):
            return
        for name in _REFERENCES:
            if isinstance(reference := part.get(name), str):
                found = self._led(reference)
                if isinstance(found, dict | list):
                    yield found

    def _led(self, reference: str) -> object:
        told = repr(reference[:100])
        if not reference.startswith("#"):
            raise self._wrong(f"it refers to {told}, which must stand in the schema itself.")
        place = unquote(reference[1:])
        if place and not place.startswith("/"):
            if place not in self._anchors:
                raise self._wrong(f"{told} leads nowhere.")
            return self._anchors[place]
        found: object = self._schema
        for name in place.split("/")[1:]:
            name = name.replace("~1", "/").replace("~0", "~")
            if isinstance(found, list) and name.isdecimal() and int(name[:9]) < len(found):
                found = found[int(name)]
            elif isinstance(found, dict) and name in found:
                found = found[name]
            else:
                raise self._wrong(f"{told} leads nowhere.")
        return found

    def _wrong(self, what: str) -> InvalidRequest:
        return InvalidRequest(f"{self._param}: {what}", param=self._param)


@dataclass(slots=True)
class _Step:
    """On the way down a schema: a part, those of its own that are left, and its levels so far."""

    part: Part
    left: Iterator[Part]
    levels: int = 1

    def holds(self, levels: int) -> None:
        self.levels = max(self.levels, levels + 1)


def _anchors(objects: Iterable[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for part in objects:
        for name in _ANCHORS:
            if isinstance(anchor := part.get(name), str):
                yield anchor, part
        for name in _IDS:
            if isinstance(place := part.get(name), str) and place.startswith("#"):
                yield place[1:], part


def _objects(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    left: list[Part] = [value]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            yield one
        left += containers_in(one)


def containers_in(part: Part) -> list[Part]:
    """The lists and objects right in it."""
    inner = part.values() if isinstance(part, dict) else part
    return [one for one in inner if isinstance(one, _CONTAINERS)]
