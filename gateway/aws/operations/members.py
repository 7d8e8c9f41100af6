"""Small things that every operations module does with members."""

from typing import Any


def dropped(members: dict[str, Any]) -> dict[str, Any]:
    """Without the members that are None: AWS leaves out what it does not know."""
    return {name: value for name, value in members.items() if value is not None}
