"""The tools of Converse and Nova: what is on offer, and which of it must be called."""

from typing import Any

from contracts.generation.messages import Tool, ToolChoice
from dialects.bedrock.tools import named_tool, tool
from dialects.body import Members
from dialects.schemas import check_together


def tools_of(members: Members) -> dict[str, Any]:
    """The members of a ChatRequest; raises InvalidRequest that names the tool."""
    if "toolConfig" not in members:
        return {}
    config = members.object("toolConfig", {"tools", "toolChoice"})
    tools = [
        _tool(one)
        for place, given in config.items("tools", least=1)
        if "cachePoint" not in (one := Members(given, {"toolSpec", "cachePoint"}, f"{place}."))
    ]
    check_together((one.parameters for one in tools), "toolConfig.tools")
    return {"tools": tools, "tool_choice": _choice(config, tools)}


def _tool(given: Members) -> Tool:
    spec = given.object("toolSpec", {"name", "description", "inputSchema", "strict"})
    schema = spec.object("inputSchema", {"json"})
    return tool(spec, schema, "json")


def _choice(config: Members, tools: list[Tool]) -> ToolChoice:
    if "toolChoice" not in config:
        return "auto"
    choice = config.object("toolChoice", {"auto", "any", "tool"})
    if "tool" in choice:
        return named_tool(choice.object("tool", {"name"}), tools)
    return "required" if "any" in choice else "auto"
