"""How a body of OpenAI's wire is read: strictly, and with the wrong member named."""

from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from dialects.body import Json
from kit.errors import InvalidRequest

Shape = TypeVar("Shape", bound="Body")
Member = TypeVar("Member")
_MOST_MEMBERS = 100
ListOf: TypeAlias = Annotated[list[Member], Field(fail_fast=True)]
"""Read up to its first wrong member: a body has room for a million of them."""


class Body(BaseModel):
    """A member that is not known could change the outcome, so it is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _has_few_members(cls, given: Any) -> Any:
        """Each that is unknown would be an error of its own, and all of them are made."""
        if isinstance(given, dict) and len(given) > _MOST_MEMBERS:
            raise PydanticCustomError("too_many", "has members that are not served; leave them out")
        return given


def read(shape: type[Shape], body: Json) -> Shape:
    """A member that is null is one that was left out. Raises InvalidRequest."""
    given = {name: value for name, value in body.items() if value is not None}
    try:
        return shape.model_validate(given)
    except ValidationError as error:
        raise refusal(error, given) from error


def refusal(error: ValidationError, body: Json) -> InvalidRequest:
    """Names the first wrong member by its path in the body: `messages.0.content`."""
    first = max(
        error.errors(include_url=False, include_context=False, include_input=False),
        key=lambda one: len(path_of(one["loc"], body)),
    )
    path = path_of(first["loc"], body)
    if first["type"] == "missing":
        path = [*path, str(first["loc"][-1])]
    where = ".".join(path)
    if first["type"] == "extra_forbidden":
        return InvalidRequest(f"{where} is not served; leave it out.", param=where)
    if first["type"].startswith("union_tag"):
        return InvalidRequest(f"{where}: its kind is not served: {first['msg']}", param=where)
    return InvalidRequest(f"{where or 'body'}: {first['msg']}", param=where or None)


def path_of(location: tuple[int | str, ...], body: object) -> list[str]:
    """Without the names of types, which pydantic puts between those of members."""
    path: list[str] = []
    for part in location:
        member = _member(body, part)
        if member is not _ABSENT:
            path.append(str(part))
            body = member
    return path


_ABSENT = object()


def _member(body: object, part: int | str) -> object:
    if isinstance(body, dict):
        return body.get(part, _ABSENT)
    if isinstance(body, list) and isinstance(part, int) and part < len(body):
        return body[part]
    return _ABSENT
