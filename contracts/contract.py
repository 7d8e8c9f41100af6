"""The base of all contracts, and what to say of one that cannot be made."""

from pydantic import BaseModel, ConfigDict, ValidationError

from kit.errors import InvalidRequest


class Contract(BaseModel):
    """What crosses a process border: immutable, and nothing in it is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Nothing(Contract):
    """Where there is nothing to ask, or nothing to say but that it is so."""


def invalid_member(error: ValidationError) -> InvalidRequest:
    """A contract that a door could not make of what it was given: names the first wrong member."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return InvalidRequest(f"{where or 'body'}: {first['msg']}", param=where or None)
