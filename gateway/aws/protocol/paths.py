"""Matches a raw path to the operations whose URI template it fits, label by label.

Templates of one signing name are merged into a tree. A path is matched as it was sent: `%2F`
inside an id stays inside its label, and a trailing slash counts, because only that tells
PrepareAgent from InvokeInlineAgent; without an exact match the other form is tried.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gateway.aws.protocol.identity import OperationId


@dataclass(frozen=True, slots=True)
class Template:
    """What tells one REST operation from another: its URI and what the request must carry."""

    id: OperationId
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    needed_query: tuple[str, ...]
    needed_headers: tuple[str, ...]
    deprecated: bool
    labels: tuple[str, ...]


def labels_of(path: str) -> tuple[str, ...]:
    parts = path[1:].split("/")
    return tuple(part[1:-1].rstrip("+") for part in parts if part.startswith("{"))


@dataclass(slots=True)
class Candidates:
    """The templates of one method and path, by the first key of the query that they fix."""

    plain: list[Template] = field(default_factory=list)
    by_query: dict[str, list[Template]] = field(default_factory=dict)
    services: set[str] = field(default_factory=set)

    def add(self, template: Template) -> None:
        self.services.add(template.id.service)
        if template.query:
            self.by_query.setdefault(template.query[0][0], []).append(template)
        else:
            self.plain.append(template)

    def fitting(self, query: Mapping[str, str]) -> list[Template]:
        """Those whose fixed query the request has; the ones that fix nothing always fit."""
        keyed = [
            template
            for key in query
            if key in self.by_query
            for template in self.by_query[key]
            if all(query.get(name) == value for name, value in template.query)
        ]
        return keyed + self.plain


Match = tuple[Candidates, tuple[str, ...]]


@dataclass(slots=True)
class _Node:
    fixed: dict[str, "_Node"] = field(default_factory=dict)
    label: "_Node | None" = None
    greedy: dict[str, Candidates] = field(default_factory=dict)
    ends: dict[str, Candidates] = field(default_factory=dict)


class PathTree:
    """Finds every template of a method and path, with the raw values of its labels in order."""

    def __init__(self, templates: Iterable[Template]) -> None:
        self._root = _Node()
        for template in templates:
            self._add(template)

    def find(self, method: str, raw_path: str) -> Match | None:
        parts = raw_path[1:].split("/")
        found = _walk(self._root, method, parts, 0)
        if found is not None:
            return found
        other = parts[:-1] if parts[-1] == "" and len(parts) > 1 else [*parts, ""]
        return _walk(self._root, method, other, 0)

    def _add(self, template: Template) -> None:
        node = self._root
        for part in template.path[1:].split("/"):
            if part.endswith("+}"):
                node.greedy.setdefault(template.method, Candidates()).add(template)
                return
            if part.startswith("{"):
                node.label = node.label or _Node()
                node = node.label
            else:
                node = node.fixed.setdefault(part, _Node())
        node.ends.setdefault(template.method, Candidates()).add(template)


def _walk(node: _Node, method: str, parts: list[str], at: int) -> Match | None:
    if at == len(parts):
        ends = node.ends.get(method)
        return (ends, ()) if ends else None
    part = parts[at]
    fixed = node.fixed.get(part)
    if fixed is not None:
        found = _walk(fixed, method, parts, at + 1)
        if found is not None:
            return found
    if part and node.label is not None:
        found = _walk(node.label, method, parts, at + 1)
        if found is not None:
            return found[0], (part, *found[1])
    greedy = node.greedy.get(method)
    if greedy:
        rest = "/".join(parts[at:])
        return (greedy, (rest,)) if rest else None
    return None
