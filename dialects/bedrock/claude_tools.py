"""Claude's tools: what is on offer, and which of it must be called."""

from typing import Any

from contracts.generation.messages import Tool, ToolChoice
from dialects.bedrock.tools import named_tool, tool
from dialects.body import Members
from dialects.schemas import check_together

_CHOICES = ("auto", "any", "tool", "none")
_PLAIN: dict[str, ToolChoice] = {"auto": "auto", "any": "required", "none": "none"}


def tools_of(members: Members) -> dict[str, Any]:
    """The members of a ChatRequest; raises InvalidRequest that names the tool."""
    tools = [_tool(given, f"{place}.") for place, given in members.items("tools")]
    check_together((one.parameters for one in tools), "tools")
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


def _tool(given: object, at: str) -> Tool:
    known = {"type", "name", "description", "input_schema", "strict", "cache_control"}
    members = Members(given, known, at)
    members.one_of("type", ("custom",), "custom")
    return tool(members, members, "input_schema")
