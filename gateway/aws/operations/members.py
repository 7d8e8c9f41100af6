"""Small things that every operations module does with members."""

from typing import Any

from kit.errors import InvalidRequest


def dropped(members: dict[str, Any]) -> dict[str, Any]:
    """Without the members that are None: AWS leaves out what it does not know."""
    return {name: value for name, value in members.items() if value is not None}


def refuse(given: dict[str, Any], *names: str, at: str = "") -> None:
    """A member that would change the outcome is refused, never passed over.

    `at` is where `given` is among the parameters, such as `retrievalQuery.`.
    """
    for name in names:
        if given.get(name):
            raise InvalidRequest(f"{at}{name} is not served; leave it out.", param=at + name)
