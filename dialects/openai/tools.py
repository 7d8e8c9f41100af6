"""OpenAI's tools, the choice among them, and the form that an answer must have."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from contracts.generation.messages import JsonFormat, NamedTool, Tool, ToolChoice
from dialects.openai.body import Body
from dialects.schemas import check_schema, check_together
from kit.errors import InvalidRequest

Schema: TypeAlias = dict[str, Any]
_NAME = r"^[a-zA-Z0-9_-]{1,64}$"
_NO_PARAMETERS: Schema = {"type": "object", "properties": {}}


class FunctionTool(Body):
    name: Annotated[str, Field(pattern=_NAME)]
    description: str | None = None
    parameters: Schema | None = None
    strict: bool | None = None


class OfferedTool(Body):
    type: Literal["function"]
    function: FunctionTool


class ChosenFunction(Body):
    name: str


class ChosenTool(Body):
    type: Literal["function"]
    function: ChosenFunction


class TextFormat(Body):
    type: Literal["text"]


class ObjectFormat(Body):
    type: Literal["json_object"]


class NamedSchema(Body):
    name: Annotated[str, Field(pattern=_NAME)]
    description: str | None = None
    shape: Schema | None = Field(default=None, alias="schema")
    strict: bool | None = None


class SchemaFormat(Body):
    type: Literal["json_schema"]
    json_schema: NamedSchema


Choice: TypeAlias = Literal["auto", "none", "required"] | ChosenTool
Format: TypeAlias = Annotated[TextFormat | ObjectFormat | SchemaFormat, Field(discriminator="type")]


def offered(tools: Sequence[OfferedTool]) -> list[Tool]:
    """Raises InvalidRequest that names the tool whose parameters are no JSON schema."""
    made = []
    for index, tool in enumerate(tools):
        function = tool.function
        parameters = function.parameters or _NO_PARAMETERS
        check_schema(parameters, f"tools.{index}.function.parameters")
        made.append(
            Tool(
                name=function.name,
                description=function.description or "",
                parameters=parameters,
                strict=bool(function.strict),
            )
        )
    check_together((tool.parameters for tool in made), "tools")
    return made


def chosen(choice: Choice, tools: Sequence[Tool]) -> ToolChoice:
    """Raises InvalidRequest for a tool that is not on offer."""
    if isinstance(choice, ChosenTool):
        name = choice.function.name
        if name not in {tool.name for tool in tools}:
            raise InvalidRequest(
                f"tool_choice: the tool {name!r} is not among `tools`.", param="tool_choice"
            )
        return NamedTool(name=name)
    if choice == "required" and not tools:
        raise InvalidRequest(
            "tool_choice: `required` is only allowed with `tools`.", param="tool_choice"
        )
    return choice


def json_format(wanted: Format | None) -> JsonFormat | None:
    """None for text."""
    if isinstance(wanted, ObjectFormat):
        return JsonFormat()
    if not isinstance(wanted, SchemaFormat):
        return None
    named = wanted.json_schema
    if named.shape is not None:
        check_schema(named.shape, "response_format.json_schema.schema")
    return JsonFormat(shape=named.shape, name=named.name)
