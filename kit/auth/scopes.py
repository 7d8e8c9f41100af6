"""What a key may do: patterns over operations and resources, deny by default."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from kit.errors import PermissionDenied


@dataclass(frozen=True, slots=True)
class Scope:
    """`operation` is `service:Operation` with `*` wildcards; `resource` an ARN or id pattern."""

    operation: str
    resource: str = "*"

    def allows(self, operation: str, resource: str) -> bool:
        return fnmatchcase(operation, self.operation) and fnmatchcase(resource, self.resource)


FULL_ACCESS = Scope("*")


def require(scopes: Iterable[Scope], operation: str, resource: str = "*") -> None:
    """Raises PermissionDenied unless some scope covers the operation on the resource."""
    if not any(scope is FULL_ACCESS or scope.allows(operation, resource) for scope in scopes):
        raise PermissionDenied(f"This key is not allowed to perform {operation}.")
