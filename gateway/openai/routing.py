"""Which endpoint answers at which path."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.openai.call import Endpoint
from kit.errors import MethodNotAllowed, NotFound

PREFIX = re.compile(r"(?:/endpoints/(?P<endpoint>[A-Za-z0-9-]{1,63}))?(?:/openai)?/v1(?=/|$)")
"""Where the API stands: at /v1, and at the paths that Bedrock and SageMaker give it."""


@dataclass(frozen=True, slots=True)
class Route:
    """In `path`, `{id}` is one segment and `{id*}` the rest of it, slashes included.

    `operation` is what a key's scopes name. With `streams` the endpoint reads the body itself.
    `hosted`: it also stands below a SageMaker endpoint, and is of its model then.
    """

    method: str
    path: str
    operation: str
    endpoint: Endpoint
    streams: bool = False
    hosted: bool = False
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        pattern = self.path.replace("{id*}", "(?P<id>.+)").replace("{id}", "(?P<id>[^/]+)")
        object.__setattr__(self, "pattern", re.compile(pattern))


@dataclass(frozen=True, slots=True)
class Routed:
    """`argument` is what stands for `{id}`; `hosted` the SageMaker endpoint in the path."""

    route: Route
    argument: str = ""
    hosted: str = ""


def find(routes: Sequence[Route], method: str, path: str) -> Routed:
    """Raises NotFound, or MethodNotAllowed that names the methods which the path takes."""
    prefix = PREFIX.match(path)
    inner = path[prefix.end() :].rstrip("/") if prefix else path
    hosted = (prefix["endpoint"] or "") if prefix else ""
    others = []
    for route in (one for one in routes if one.hosted or not hosted):
        match = route.pattern.fullmatch(inner)
        if match is None:
            continue
        if route.method == method:
            return Routed(route, match.groupdict().get("id", ""), hosted)
        others.append(route.method)
    if others:
        raise MethodNotAllowed(f"{path} takes {' and '.join(others)}, not {method}.")
    served = ", ".join(dict.fromkeys(route.path for route in routes))
    raise NotFound(f"Unknown path {path}. Served are: {served}.")
