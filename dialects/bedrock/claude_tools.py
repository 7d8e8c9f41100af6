"""Claude's tools: what is on offer, and which of it must be called."""

from typing import Any

from contracts.generation.messages import NamedTool, Tool, ToolChoice
from dialects.body import Members, built
from dialects.schemas import check_schema

_CHOICES = ("auto", "any", "tool", "none")
_PLAIN: dict[str, ToolChoice] = {"auto": "auto", "any": "required", "none": "none"}


def tools_of(members: Members) -> dict[str, Any]:
    """The members of a ChatRequest; raises InvalidRequest that names the tool."""
    tools = [_tool(given, f"{place}.") for place, given in members.items("tools")]
    if "tool_choice" not in members:
        return {"tools": tools}
    choice = members.object("tool_choice", {"type", "name", "disable_parallel_tool_use"})
    if not tools:
        raise members.wrong("tool_choice", "needs [tools]")
    one_at_a_time = choice.flag("disable_parallel_tool_use", default=False)
    return {
        "tools": tools,
        "tool_choice": _choice(choice, tools),
        "parallel_tool_calls": not one_at_a_time,
    }


def _choice(choice: Members, tools: list[Tool]) -> ToolChoice:
    kind = choice.one_of("type", _CHOICES)
    return named_tool(choice, tools) if kind == "tool" else _PLAIN[kind]


def named_tool(choice: Members, tools: list[Tool]) -> NamedTool:
    """Raises InvalidRequest for one that is not on offer."""
    name = choice.text("name", least=1)
    if all(tool.name != name for tool in tools):
        raise choice.wrong("name", "must be one of [tools]")
    return NamedTool(name=name)


def _tool(given: object, at: str) -> Tool:
    known = {"type", "name", "description", "input_schema", "cache_control"}
    members = Members(given, known, at)
    members.one_of("type", ("custom",), "custom")
    return tool(members, members, "input_schema")


def tool(members: Members, schema: Members, name: str) -> Tool:
    """`name` is what the member of `schema` is called that has the JSON schema of parameters."""
    parameters = schema.document(name)
    check_schema(parameters, f"{schema.at}{name}")
    return built(
        Tool,
        members.at,
        name=members.text("name"),
        description=members.text("description", ""),
        parameters=parameters,
    )
